import type { JsonObject } from '../json/json-values.js'
import { shown } from '../model/config-reader.js'
import { activations, entryOf } from './entries.js'
import { type FieldShape, fieldShape, type Layout, layoutOf } from './shapes.js'
import { type KnownTensor, type NamedTensor, type Role, readTensors, type TensorTable } from './tensors.js'

/** A field of the program's records. */
export interface SketchField {
  readonly role: Role
  readonly bias: boolean
  readonly from: string
  readonly shape: FieldShape
}

/** What is known of a checkpoint, as far as a program can be written from it. */
export interface Sketch {
  readonly config: JsonObject
  readonly table: TensorTable
  /** Undefined where the sizes of the model are not known. */
  readonly layout: Layout | undefined
  /** Whether enough is known to write the blocks. */
  readonly whole: boolean
  readonly layer: readonly SketchField[]
  readonly model: readonly SketchField[]
  /** Tensors that nothing computes with, and why. */
  readonly left: readonly (NamedTensor & { readonly inLayer: boolean; readonly why: string })[]
  /** What could not be found out of the tensors, a sentence each. */
  readonly notes: readonly string[]
}

/** Whether the sketch has a tensor of a role. */
export const has = ({ layer, model }: Sketch, role: Role, bias = false): boolean =>
  [...layer, ...model].some(f => f.role === role && f.bias === bias)

/** What is missing of the parts that a block has. */
const missingParts = (fields: readonly SketchField[], config: JsonObject): readonly string[] => {
  const there = (role: Role): boolean => fields.some(f => f.role === role && !f.bias)
  const activation = entryOf(config, 'activation')
  return [
    ...(there('qkv') || (there('q') && there('k') && there('v'))
      ? []
      : ['queries, keys and values were not all recognised']),
    ...(there('o') ? [] : ['no tensor was recognised as the projection out of attention']),
    ...(there('gate_up') || there('up') ? [] : ['no tensor was recognised as the feed-forward layer']),
    ...(there('down') ? [] : ['no tensor was recognised as the projection out of the feed-forward layer']),
    ...(there('embed') ? [] : ['no tensor was recognised as the embedding']),
    ...(there('attn_norm') ? [] : ['no tensor was recognised as the norm before attention']),
    ...(activation === undefined || Object.hasOwn(activations, `${activation.value}`)
      ? []
      : [`the activation ${shown(activation.value)} is not in std.nn`]),
  ]
}

const fits = (t: KnownTensor, shape: FieldShape): boolean =>
  t.shape.length === shape.numbers.length && t.shape.every((n, i) => n === shape.numbers[i])

/** Finds out as much of a checkpoint as names, shapes and configuration tell. */
export const sketchOf = (
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  config: JsonObject,
): Sketch => {
  const table = readTensors(tensors)
  const layout = layoutOf(table, config)
  const left: Sketch['left'][number][] = [...table.unknown]
  const fieldsOf = (known: readonly KnownTensor[], inLayer: boolean): readonly SketchField[] =>
    known.flatMap(t => {
      if (typeof layout === 'string') return []
      const shape = fieldShape(t.role, t.bias, layout)
      if (fits(t, shape)) return [{ role: t.role, bias: t.bias, from: t.name, shape }]
      left.push({ ...t, inLayer, why: `its shape is not [${shape.numbers.join(', ')}]` })
      return []
    })
  const layer = fieldsOf(table.inLayer, true)
  const model = fieldsOf(table.inModel, false)
  if (typeof layout === 'string')
    for (const [known, inLayer] of [[table.inLayer, true] as const, [table.inModel, false] as const])
      left.push(...known.map(t => ({ ...t, inLayer, why: 'the sizes of the model are not known' })))
  const missing = typeof layout === 'string' ? [layout] : missingParts([...layer, ...model], config)
  const whole = typeof layout !== 'string' && missing.length === 0
  const notes = [
    ...missing.map(m => `${m}, so no block is written`),
    ...left.map(t => `${t.inLayer ? table.layerPrefix : ''}${t.name} [${t.shape.join(', ')}]: ${t.why}`),
  ]
  return {
    config,
    table,
    layout: typeof layout === 'string' ? undefined : layout,
    whole,
    layer,
    model,
    left,
    notes,
  }
}
