import { afterAll, describe, expect, it } from 'vitest'
import { create } from 'webgpu'
import type { DeviceTraits, Schedule } from '../../../compiler/artifact.js'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { prim } from '../../../compiler/ir/expr.js'
import { compileInterpreter } from '../../../compiler/ir/interpret.js'
import type { Graph } from '../../../compiler/ir/ir.js'
import { type Device, DeviceError, openNodeDevice } from '../../../runtime/node.js'
import { gpu } from '../../support/traits.js'
import { runArtifact, worst } from './agree.js'
import * as programs from './programs.js'

const traits: DeviceTraits = {
  ...gpu,
  name: 'a GPU with matrix units',
  workgroupBytes: 49152,
  precision: 'f16',
  matrices: [
    { component: 'f16', result: 'f32', m: 16, n: 16, k: 16 },
    { component: 'f16', result: 'f32', m: 8, n: 8, k: 8 },
    { component: 'f16', result: 'f16', m: 8, n: 8, k: 8 },
  ],
}

type Shape = readonly [m: number, n: number, k: number, right: 'kn' | 'nk']

/** `y = sigmoid(left · right) + bias`, an odd size each. */
const programOf = ([m, n, k, right]: Shape) => {
  const p = new programs.Program()
  const axes = { m: p.axis('m', m), n: p.axis('n', n), k: p.axis('k', k) }
  const x = p.at(p.input('x', m, k), axes.m, axes.k)
  const y =
    right === 'kn' ? p.at(p.input('y', k, n), axes.k, axes.n) : p.at(p.input('y', n, k), axes.n, axes.k)
  const sum = p.reduce('product', 'sum', [axes.m, axes.n], [axes.k], prim('mul', x, y))
  const after = prim('add', prim('sigmoid', p.at(sum, axes.m, axes.n)), p.at(p.input('bias', n), axes.n))
  p.output('out', p.map('out', [axes.m, axes.n], after))
  return { graph: p.finish(), data: p.data }
}
const graphOf = (shape: Shape): Graph => programOf(shape).graph

const shapes: readonly Shape[] = [
  [1024, 1024, 1024, 'kn'],
  [100, 70, 50, 'nk'],
  [33, 127, 65, 'kn'],
]

const matrixSchedules = (of: DeviceTraits, shape: Shape): readonly Schedule[] => {
  const [kernel] = compileGraph(graphOf(shape), of).kernels
  return kernel!.chosen!.candidates.filter(c => c.family === 'matrix')
}

describe('matrix units', () => {
  it('are used where f16 products are allowed, and sums stay f32', () => {
    expect(compileGraph(graphOf(shapes[0]!), traits).kernels[0]!.schedule).toMatch(/by matrix units/)
    expect(matrixSchedules({ ...traits, precision: 'f32' }, shapes[0]!)).toEqual([])
    expect(matrixSchedules({ ...traits, matrices: [] }, shapes[0]!)).toEqual([])
    for (const s of matrixSchedules(traits, shapes[0]!)) expect(s).toMatchObject({ unit: { result: 'f32' } })
  })

  it('are required as features of the device', () => {
    expect(compileGraph(graphOf(shapes[0]!), traits).requires.features).toEqual([
      'chromium-experimental-subgroup-matrix',
      'shader-f16',
      'subgroups',
    ])
  })
})

// Dawn's null adapter has every feature. It validates kernels and runs nothing.
const open = async () => {
  const gpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis'])
  const adapter = await gpu.requestAdapter()
  const features = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[]
  if (adapter === null || !features.every(f => adapter.features.has(f))) return undefined
  const requiredLimits = { maxComputeWorkgroupStorageSize: adapter.limits.maxComputeWorkgroupStorageSize }
  return { gpu, device: await adapter.requestDevice({ requiredFeatures: features, requiredLimits }) }
}
const opened = await open()
afterAll(() => opened?.device.destroy())

describe.skipIf(opened === undefined)('Dawn finds nothing wrong with', () => {
  for (const shape of shapes)
    it(`kernels for matrix units, ${shape.join('×')}`, async () => {
      const schedules = matrixSchedules(traits, shape)
      expect(schedules.length).toBeGreaterThan(0)
      for (const s of schedules) {
        const graph = graphOf(shape)
        const { signature } = compileGraph(graph, traits).kernels[0]!.chosen!
        const [kernel] = compileGraph(graph, traits, { tuning: new Map([[signature, s]]) }).kernels
        expect(kernel!.chosen!.schedule).toEqual(s)
        const module = opened!.device.createShaderModule({ code: kernel!.wgsl })
        const { messages } = await module.getCompilationInfo()
        expect(messages.map(m => `${m.lineNum}: ${m.message}`).join('\n'), kernel!.wgsl).toBe('')
      }
    })
})

/** A device that may use its matrix units. */
const openUnits = async (): Promise<Device | undefined> => {
  try {
    return await openNodeDevice({ precision: 'f16' })
  } catch (error) {
    if (error instanceof DeviceError && error.kind === 'no-adapter') return undefined
    throw error
  }
}
const units = await openUnits()
afterAll(() => units?.close())

describe.skipIf(units === undefined || units.traits.matrices.length === 0)(
  'the matrix units of this device',
  () => {
    for (const shape of shapes.slice(1))
      it(`give what the interpreter gives, ${shape.join('×')}`, { timeout: 120_000 }, async () => {
        const of = { ...units!.traits, software: false }
        const { graph, data } = programOf(shape)
        const wanted = compileInterpreter(graph)(
          new Map([...data].map(([name, v]) => [name, Float64Array.from(v)])),
        )
        const { signature } = compileGraph(graph, of).kernels[0]!.chosen!
        for (const s of matrixSchedules(of, shape)) {
          const artifact = compileGraph(graph, of, { tuning: new Map([[signature, s]]) })
          const { error, where } = worst(await runArtifact(units!, artifact, data), wanted)
          expect(error, `${JSON.stringify(s)}: ${where}`).toBeLessThan(5e-3)
        }
      })
  },
)
