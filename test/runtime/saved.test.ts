import { expect, it } from 'vitest'
import type { Artifact } from '../../compiler/artifact.js'
import { workgroupBytes } from '../../compiler/backend/requirements.js'
import { wordsOf } from '../../compiler/backend/words.js'
import { lower, specialiseFn } from '../../compiler/index.js'
import { leastTraits } from '../../compiler/traits.js'
import {
  artifactFromJson,
  artifactToJson,
  checkArtifact,
  DeviceError,
  type DeviceTensor,
  download,
  load,
  upload,
  zeros,
} from '../../runtime/index.js'
import { programOf } from '../acceptance/support.js'
import { withDevice } from '../support/device.js'
import { addition, artifact, buffer, dispatch, kernel, tensor } from './artifacts.js'

const program = programOf(`
size N
fn total(x: f32[N, N], y: f32[N, N]) -> f32[N, N] = for i, j -> sum k -> x[i, k] * y[k, j]
fn edges(at: idx[4][N]) -> f32[N] =
  let table = [-inf, inf, inf - inf, -0.0]
  for i -> table[at[i]]
fn masked(x: f32[N]) -> f32[N] = for i -> if x[i] > 0 then -inf else x[i]
`)
const graphOf = (name: string, N: number) =>
  specialiseFn(program, program.fns.get(`main.${name}`)!, { sizes: new Map([['N', N]]) })
const total = lower(graphOf('total', 64), { ...leastTraits, subgroupSize: 32 })

const refusal = async (action: () => unknown): Promise<DeviceError> => {
  try {
    await action()
  } catch (error) {
    expect(error).toBeInstanceOf(DeviceError)
    return error as DeviceError
  }
  return expect.unreachable()
}

const isArtifactError = async (action: () => unknown, ...parts: readonly string[]): Promise<void> => {
  const error = await refusal(action)
  expect(error.kind).toBe('artifact')
  expect(error.message).not.toContain('defect')
  for (const part of parts) expect(error.message).toContain(part)
}

it('a saved artifact is read as it was', () => {
  const text = artifactToJson(total)
  expect(artifactFromJson(text)).toEqual(total)
  expect(JSON.parse(JSON.stringify(total))).toEqual(total)
})

/** What JSON by itself would lose. */
const odd = Float32Array.of(
  Number.NEGATIVE_INFINITY,
  Number.POSITIVE_INFINITY,
  Number.NaN,
  -0,
  2 ** -149,
  0.1,
)
const literal = artifact({
  buffers: [{ role: 'literal', bytes: 32, words: wordsOf('f32', Array.from(odd)) }],
  inputs: [],
  outputs: [tensor('y', [odd.length], 0)],
  kernels: [],
  steps: [],
})

it('its literals are words, which JSON keeps', () => {
  expect(artifactFromJson(artifactToJson(literal))).toEqual(literal)
})

it('what is no artifact is refused as what it is', async () => {
  const text = artifactToJson(total)
  const read = (given: unknown) => () => artifactFromJson(given as string)
  await isArtifactError(read(''), 'is empty')
  await isArtifactError(read('  \n'), 'is empty')
  await isArtifactError(read(undefined), 'It is no text')
  await isArtifactError(read(text.slice(0, text.length / 2)), 'is cut off or damaged')
  await isArtifactError(read('hello'), 'no artifact of Jola', 'no JSON')
  for (const foreign of ['{}', '[]', 'null', '3', '"x"', '{"format":"onnx"}'])
    await isArtifactError(read(foreign), 'this is no artifact of Jola')
  await isArtifactError(read(text.replace('jola-artifact-2', 'jola-artifact-1')), 'an older version')
  await isArtifactError(read(text.replace('jola-artifact-2', 'jola-artifact-17')), 'a newer version')
  await isArtifactError(read(text.replace('"flops":', '"flops":1')), 'checksum')
  await isArtifactError(() => checkArtifact(undefined), 'no artifact')
  await isArtifactError(() => artifactToJson({ ...total, buffers: [] }), 'damaged')
})

const plain = addition(4)
const [first] = plain.kernels
const [step] = plain.steps
const [x] = plain.inputs

/** What is changed in the artifact, and what the refusal says. */
const damages: readonly (readonly [change: object, says: string])[] = [
  [{ name: 3 }, '`name`: it must be a text, and is 3'],
  [{ requires: undefined }, '`requires`: it must be an object'],
  [{ requires: { ...plain.requires, workgroupBytes: Number.NaN } }, '`requires.workgroupBytes`: it must be'],
  [
    { requires: { ...plain.requires, features: ['magic'] } },
    '`requires.features[0]`: it must be "subgroups"',
  ],
  [{ buffers: {} }, '`buffers`: it must be a list'],
  [{ buffers: [{ bytes: 16, role: 'scratch' }] }, '`buffers[0].role`: it must be "input"'],
  [
    { buffers: plain.buffers.map(b => ({ ...b, bytes: -1 })) },
    '`buffers[0].bytes`: it must be a whole number',
  ],
  [{ buffers: plain.buffers.map(b => ({ ...b, bytes: 12 })) }, 'must lie inside its buffer of 12 bytes'],
  [
    { inputs: plain.inputs.map(i => ({ ...i, buffer: 9 })) },
    '`inputs[0].buffer`: it must be a whole number from 0 to 2',
  ],
  [{ inputs: plain.inputs.map(i => ({ ...i, dtype: 'f64' })) }, '`inputs[0].dtype`: it must be "f32"'],
  [{ inputs: plain.inputs.map(i => ({ ...i, shape: [2.5] })) }, '`inputs[0].shape[0]`'],
  [{ inputs: [x, { ...x, name: 'y' }] }, 'its input buffers must be its inputs, one each'],
  [{ inputs: plain.inputs.slice(1) }, 'its input buffers must be its inputs'],
  [{ inputs: plain.inputs.map(i => ({ ...i, name: 'x' })) }, 'two of its inputs are named `x`'],
  [{ outputs: [{ ...plain.outputs[0], offset: 4 }] }, '`outputs[0]`: f32[4] from byte 4 on'],
  [{ outputs: [{ ...plain.outputs[0], replaces: 'z' }] }, '`outputs[0]`: it replaces `z`'],
  [{ kernels: [{ ...first, wgsl: undefined }] }, '`kernels[0].wgsl`'],
  [{ kernels: [{ ...first, loops: 1 }] }, '`steps[0]`: its kernel asks for 1 loops, and 0'],
  [{ kernels: [{ ...first, bindings: ['read', 'write'] }] }, '`kernels[0].bindings[1]`'],
  [{ steps: [{ ...step, kind: 'jump' }] }, '`steps[0].kind`: it must be "dispatch"'],
  [{ steps: [{ ...step, kernel: 1 }] }, '`steps[0].kernel`: it must be a whole number from 0 to 0'],
  [{ steps: [dispatch(0, [0, 1], 4)] }, '`steps[0]`: it must bind 3 buffers'],
  [{ steps: [dispatch(0, [0, 1, 7], 4)] }, '`steps[0].buffers[2]`'],
  [{ steps: [{ ...step, workgroups: [1, 1] }] }, '`steps[0].workgroups`: it must be three numbers'],
  [
    { steps: [{ ...step, slices: [{ offset: 64, strides: [], size: 16 }, null, null] }] },
    'must begin inside its buffer',
  ],
  [{ steps: [{ kind: 'loop', count: 1e99, direction: 'up', steps: [] }] }, '`steps[0].count`'],
  [{ steps: [{ kind: 'loop', count: 2, direction: 'side', steps: [] }] }, '`steps[0].direction`'],
  [
    { steps: [{ kind: 'copy', from: 0, fromOffset: 0, to: 2, toOffset: 4, bytes: 16 }] },
    'copies past the end',
  ],
  [{ steps: [{ kind: 'copy', from: 0, fromOffset: 0, to: 0, toOffset: 0, bytes: 4 }] }, 'within one buffer'],
]

it.each(damages)('is refused where it is damaged: %#', async (change, says) => {
  const damaged = { ...plain, ...change } as Artifact
  await isArtifactError(() => checkArtifact(damaged), 'the artifact', 'damaged', says)
})

it('a change of any one entry is refused or makes another artifact, never a crash', () => {
  const text = JSON.stringify(plain)
  const values = [null, -1, 0.5, 'x', [], {}, true, 1e308, 4294967296]
  let refused = 0
  const places = [...text.matchAll(/(?<=[:,[])(?:-?\d+(?:\.\d+)?|"[^"]*"|\[[^[\]]*\])(?=[,\]}])/g)]
  for (const place of places)
    for (const value of values) {
      const at = place.index
      const changed = text.slice(0, at) + JSON.stringify(value) + text.slice(at + place[0].length)
      try {
        artifactFromJson(changed)
      } catch (error) {
        expect(error).toMatchObject({ kind: 'artifact' })
        refused += 1
      }
    }
  expect(places.length).toBeGreaterThan(40)
  expect(refused).toBeGreaterThan(5 * places.length)
})

it('knows the workgroup memory of every declaration that kernels make', () => {
  const text = ['array<f32, 3>', 'array<vec4f, 2>', 'array<vec4<f16>, 1>', 'array<f16, 9>', 'array<u32, 4>']
    .map((type, i) => `var<workgroup> v${i}: ${type};`)
    .join('\n')
  expect(workgroupBytes(text)).toBe(16 + 32 + 16 + 32 + 16)
  expect(() => workgroupBytes('var<workgroup> v: Foo;')).toThrow('is not known')
  expect(total.requires.workgroupBytes).toBeGreaterThan(0)
  expect(total.requires.workgroupBytes).toBeLessThanOrEqual(leastTraits.workgroupBytes)
})

withDevice('an artifact of another device', device => {
  const needs = async (requires: Partial<Artifact['requires']>, ...parts: readonly string[]) => {
    const resident = device.residentBytes
    const error = await refusal(() =>
      load(device, { ...plain, requires: { ...plain.requires, ...requires } } as Artifact),
    )
    expect(error.kind).toBe('too-small')
    for (const part of parts) expect(error.message).toContain(part)
    expect(device.residentBytes).toBe(resident)
  }
  const { traits, gpu } = device
  const { limits } = gpu

  it('is refused with what it needs and what there is', async () => {
    const alignment = limits.minStorageBufferOffsetAlignment
    await needs({ workgroupBytes: 2 ** 30 }, 'keeps 1 GiB', 'allows')
    await needs(
      { workgroupsPerDimension: 2 ** 30 },
      '1073741824 workgroups',
      `${traits.workgroupsPerDimension}`,
    )
    await needs(
      { bindingAlignment: alignment / 2 },
      `multiples of ${alignment / 2} bytes`,
      `of ${alignment}.`,
    )
    await needs({ workgroupSize: [1, 1, 4096] }, '1 × 1 × 4096', `${limits.maxComputeWorkgroupSizeZ}.`)
    await needs({ bufferBytes: 2 ** 50 }, 'A buffer takes 1024 TiB')
    await needs({ matrices: [{ component: 'f32', result: 'f32', m: 3, n: 5, k: 7 }] }, '3×5×7 f32 to f32')
    await needs({ subgroups: { least: 512, most: 512 } }, 'subgroups of 512 lanes', 'the device')
    const several = [`${traits.workgroupInvocations + 1} invocations`, 'keeps 1 GiB']
    await needs(
      { workgroupInvocations: traits.workgroupInvocations + 1, workgroupBytes: 2 ** 30 },
      ...several,
    )
  })

  it('is refused where it was lowered for subgroups of another size, and runs where of its own', async ({
    skip,
  }) => {
    const own = traits.subgroupSize
    if (own === 0) skip('this device has no subgroups of one size')
    const graph = graphOf('total', 40)
    for (const lanes of [own / 2, own, 2 * own].filter(n => n > 1)) {
      const lowered = lower(graph, { ...traits, subgroupSize: lanes })
      if (lowered.requires.subgroups === undefined) continue
      expect(lowered.requires.subgroups).toEqual({ least: lanes, most: lanes })
      if (lanes !== own)
        expect((await refusal(() => load(device, lowered))).message).toContain(
          `A kernel counts on subgroups of ${lanes} lanes; the device's have ${own}.`,
        )
      else (await load(device, lowered)).destroy()
    }
  })

  it('keeps infinities, NaN and −0 through JSON', async () => {
    const executable = await load(device, artifactFromJson(artifactToJson(literal)))
    const [values] = await download(device, [executable.run({}).y])
    expect(Array.from(values)).toEqual(Array.from(odd))
    expect(Object.is(values[3], -0)).toBe(true)
    executable.destroy()
  })

  it('keeps the infinities of a program through JSON', async () => {
    const saved = async (name: string, N: number, input: DeviceTensor) => {
      const text = artifactToJson(lower(graphOf(name, N), traits, { name }))
      const executable = await load(device, artifactFromJson(text))
      const [values] = await download(
        device,
        Object.values(executable.run({ [name === 'edges' ? 'at' : 'x']: input })),
      )
      executable.destroy()
      input.destroy()
      return Array.from(values!)
    }
    const { POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: minus } = Number
    const edges = await saved('edges', 5, upload(device, 'i32', [5], Int32Array.of(0, 1, 2, 3, 0)))
    expect(edges).toEqual([minus, inf, Number.NaN, -0, minus])
    const masked = await saved('masked', 3, upload(device, 'f32', [3], Float32Array.of(1, -1, minus)))
    expect(masked).toEqual([minus, -1, minus])
  })

  it('is not given a tensor twice where it writes in place', async () => {
    const inPlace = artifact({
      name: 'in place',
      buffers: [buffer('input', 4), buffer('input', 4)],
      inputs: [tensor('s', [4], 0), tensor('y', [4], 1)],
      outputs: [{ ...tensor('next', [4], 0), replaces: 's' }],
      kernels: [kernel('add', ['read_write', 'read'], 'if i < 4 { b0[i] = b0[i] + b1[i]; }')],
      steps: [dispatch(0, [0, 1], 4)],
    })
    const executable = await load(device, inPlace)
    const s = zeros(device, 'f32', [4])
    const error = await refusal(() => executable.run({ s, y: s }))
    expect(error.message).toContain('`s` is written in place, and its tensor is given as `y` too.')
    executable.destroy()
  })
})
