import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { BlockPacking, BlockType, DeviceTraits } from '../../compiler/artifact.js'
import { compileGraph } from '../../compiler/backend/compile.js'
import { packedBlocks } from '../../compiler/ir/block-packing.js'
import { index, prim } from '../../compiler/ir/expr.js'
import { compileInterpreter } from '../../compiler/ir/interpret.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { bytesOf, packInputs } from '../../compiler/ir/packing.js'
import { blockPacking, deviceLayout, tableBytes } from '../../runtime/block-packing.js'
import { type Device, DeviceTensor, download, hostArray, load, upload } from '../../runtime/node.js'
import { dequantise } from '../../src/gguf/dequantise.js'
import { ggufBlocks } from '../../src/gguf/tensor-types.js'
import { packedTable } from '../../src/model/block-weights.js'
import { worst } from '../compiler/backend/agree.js'
import { Program } from '../compiler/backend/programs.js'
import { withDevice } from '../support/device.js'
import { bytesOfBase64 } from './support.js'

const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/gguf/blocks.json', import.meta.url), 'utf8'),
) as Record<string, { readonly blocks: string }>

/** A tensor of equal parts, each of so many elements, of blocks that are drawn by chance. */
const stored = (types: readonly BlockType[], part: number) => {
  const values = new Float32Array(part * types.length)
  const pieces = types.map((type, i) => {
    const { elements, bytes } = ggufBlocks[type]
    const known = bytesOfBase64(fixture[type]!.blocks)
    const count = part / elements
    // The fixture's last two blocks have scales at the ends of their range; the others repeat, bytes shifted
    // by the part.
    const usual = known.length / bytes - 2
    const blocks = new Uint8Array(count * bytes)
    for (let b = 0; b < count; b++)
      blocks.set(known.subarray(((b + i) % usual) * bytes, (((b + i) % usual) + 1) * bytes), b * bytes)
    dequantise(type, blocks, values.subarray(i * part, (i + 1) * part))
    return deviceLayout(type, blocks)
  })
  const table = types.includes('IQ2_XXS') ? [packedTable()] : []
  return { packing: blockPacking(types), values, bytes: Buffer.concat([...pieces, ...table]) }
}

type Stored = ReturnType<typeof stored>

/** The largest difference of a device from the interpreter, with `w` stored in blocks. */
const difference = async (
  device: Device,
  p: Program,
  w: Stored,
  traits: Partial<DeviceTraits> = {},
): Promise<{ readonly error: number; readonly where: string }> => {
  const graph: Graph = packInputs(p.finish(), name => (name === 'w' ? w.packing : undefined))
  const inputs = new Map([...p.data, ['w', w.values]])
  const wanted = compileInterpreter(graph)(new Map([...inputs].map(([k, v]) => [k, Float64Array.from(v)])))
  const artifact = compileGraph(graph, { ...device.traits, ...traits })
  const executable = await load(device, artifact)
  const tensors = Object.fromEntries(
    artifact.inputs.map(({ name, dtype, shape, packing }) => {
      if (packing === undefined)
        return [
          name,
          upload(device, { dtype, label: name }, shape, hostArray(dtype, Array.from(inputs.get(name)!))),
        ]
      const tensor = new DeviceTensor(device, { dtype, label: name, packing }, shape)
      expect(tensor.bytes).toBe(w.bytes.length)
      tensor.writePlanes(0, [w.bytes])
      return [name, tensor]
    }),
  )
  const outputs = executable.run(tensors)
  const names = Object.keys(outputs)
  const arrays = await download(
    device,
    names.map(n => outputs[n]!),
  )
  for (const t of [...Object.values(tensors), ...Object.values(outputs)]) t.destroy()
  executable.destroy()
  return worst(new Map(names.map((n, i) => [n, arrays[i]!])), wanted)
}

const types = Object.keys(packedBlocks) as BlockType[]

/**
 * Rows times columns, read in every way: as they lie, one behind, by columns, in products with either side.
 */
const programs: readonly (readonly [string, (p: Program, rows: number, width: number) => void])[] = [
  [
    'as they lie, and reversed',
    (p, rows, width) => {
      const w = p.input('w', rows, width)
      const [i, j, k] = [p.axis('i', rows), p.axis('j', width), p.axis('k', width - 3)]
      p.output('same', p.map('same', [i, j], prim('add', p.at(w, i, j), p.at(w, i, j))))
      p.output(
        'behind',
        p.map('behind', [i, k], p.at(w, i, prim('add', index(k), { op: 'const', dtype: 'i32', value: 3 }))),
      )
      p.output('turned', p.map('turned', [j, i], p.at(w, i, j)))
    },
  ],
  [
    'times a vector',
    (p, rows, width) => {
      const [w, x, z] = [p.input('w', rows, width), p.input('x', width), p.input('z', rows)]
      const [i, j, k, l] = [p.axis('i', rows), p.axis('j', width), p.axis('k', rows), p.axis('l', width)]
      p.output('y', p.reduce('y', 'sum', [i], [j], prim('mul', p.at(w, i, j), p.at(x, j))))
      p.output('t', p.reduce('t', 'sum', [l], [k], prim('mul', p.at(w, k, l), p.at(z, k))))
    },
  ],
  [
    'times a matrix, either way round',
    (p, rows, width) => {
      const [w, x, z] = [p.input('w', rows, width), p.input('x', 9, width), p.input('z', 7, rows)]
      const ax = (name: string, extent: number) => p.axis(name, extent)
      const [i, j, t] = [ax('i', rows), ax('j', width), ax('t', 9)]
      const [k, l, s] = [ax('k', rows), ax('l', width), ax('s', 7)]
      p.output('y', p.reduce('y', 'sum', [t, i], [j], prim('mul', p.at(x, t, j), p.at(w, i, j))))
      p.output('g', p.reduce('g', 'sum', [s, l], [k], prim('mul', p.at(z, s, k), p.at(w, k, l))))
    },
  ],
  [
    'by tokens',
    (p, rows, width) => {
      const [w, tokens] = [p.input('w', rows, width), p.tokens('tokens', rows, 6)]
      const [t, e] = [p.axis('t', 6), p.axis('e', width)]
      p.output('x', p.map('x', [t, e], p.at(w, p.at(tokens, t), e)))
    },
  ],
]

withDevice('blocks of a GGUF file in kernels', device => {
  it.each(types)('%s is what the interpreter has', { timeout: 120_000 }, async type => {
    const { elements } = packedBlocks[type]
    const width = elements === 32 ? 96 : 512
    for (const [what, write] of programs) {
      const p = new Program()
      write(p, 5, width)
      const { error, where } = await difference(device, p, stored([type], 5 * width))
      expect(error, `${what}, ${where}`).toBeLessThan(1e-5)
    }
  })

  const mixed: readonly BlockType[] = ['Q2_K', 'Q2_K', 'IQ2_XXS', 'Q6_K', 'IQ2_XXS', 'Q8_0']

  /** The sum over layers of each layer's matrix times a vector, in a loop over the layers. */
  const layers = (p: Program, rows: number, width: number): void => {
    const [w, x] = [p.input('w', mixed.length, rows, width), p.input('x', width)]
    const [l, i, j] = [p.axis('l', mixed.length), p.axis('i', rows), p.axis('j', width)]
    p.output('y', p.reduce('y', 'sum', [l, i], [j], prim('mul', p.at(w, l, i, j), p.at(x, j))))
  }

  it('of several types in one tensor are told apart', { timeout: 120_000 }, async () => {
    const p = new Program()
    layers(p, 3, 256)
    const { error, where } = await difference(device, p, stored(mixed, 3 * 256))
    expect(error, where).toBeLessThan(1e-5)
  })

  it('are read from several windows, where they are larger than a binding', {
    timeout: 120_000,
  }, async () => {
    const p = new Program()
    layers(p, 3, 256)
    const { error, where } = await difference(device, p, stored(mixed, 3 * 256), { bindingBytes: 1024 })
    expect(error, where).toBeLessThan(1e-5)
  })

  it('are read by the schedules of a GPU', { timeout: 120_000 }, async () => {
    const p = new Program()
    programs[2]![1](p, 40, 512)
    const { error, where } = await difference(device, p, stored(['Q4_K'], 40 * 512), { software: false })
    expect(error, where).toBeLessThan(1e-5)
  })
})

it('a packing of blocks takes what the artifact says', () => {
  const packing: BlockPacking = blockPacking(['Q4_0', 'Q4_0', 'IQ2_XXS'])
  expect(packing).toBe('blocks 2*Q4_0 1*IQ2_XXS')
  expect(bytesOf(3 * 512, packing)).toBe(2 * 16 * 20 + 2 * 68 + tableBytes)
})
