import { type EntryKind, entryOf, numberOf } from './entries.js'
import { has, type Sketch } from './sketch.js'

/** How positions enter: by a rotation of all of a head or of its first numbers, or not by rotation. */
export type Rotation = 'whole' | 'part' | 'none'

export const rotationOf = (sketch: Sketch): Rotation => {
  const { config } = sketch
  if (config.alibi === true || has(sketch, 'places')) return 'none'
  if (entryOf(config, 'share') !== undefined) return 'part'
  const rope = ['rope_theta', 'rope_parameters', 'rope_scaling', 'rotary_emb_base']
  return rope.some(n => config[n] !== undefined && config[n] !== null) ? 'whole' : 'none'
}

/** Whether norms take the mean off (layer norms), by their biases or by the name of their entry. */
export const takesMeanOff = (sketch: Sketch): boolean =>
  has(sketch, 'attn_norm', true) || /^layer_?norm/.test(entryOf(sketch.config, 'eps')?.path ?? '')

const quoted = (path: string): string => JSON.stringify(path)

/** `size F from "intermediate_size"`: by an entry of this value, by a multiple of the width, or a number. */
const sizeLine = (
  sketch: Sketch,
  [name, meaning]: readonly [string, string],
  kind: EntryKind,
  value: number,
): string => {
  const { config, layout } = sketch
  const entry = entryOf(config, kind)
  const width = entryOf(config, 'width')
  const times = kind === 'inner' && layout !== undefined ? value / layout.sizes.E : 0
  const source =
    entry?.value === value
      ? ` from ${quoted(entry.path)}`
      : Number.isInteger(times) && times > 0 && width !== undefined
        ? ` from ${times} * ${quoted(width.path)}`
        : ` from ${value}`
  return `size ${name}${source}  /// ${meaning}`
}

/** The sizes of the program. */
export const sizeLines = (sketch: Sketch): readonly string[] => {
  const { layout, config, table } = sketch
  if (layout === undefined) return []
  const { E, H, K, D, F, V, Positions } = layout.sizes
  const heads = quoted(entryOf(config, 'heads')!.path)
  const width = quoted(entryOf(config, 'width')!.path)
  const given = entryOf(config, 'headWidth')
  const headWidth = given?.value === D ? quoted(given.path) : `${width} / ${heads}`
  const share = entryOf(config, 'share')
  const rotation = rotationOf(sketch)
  return [
    sizeLine(sketch, ['L', 'layers'], 'layers', table.layers),
    sizeLine(sketch, ['E', 'model width'], 'width', E),
    ...(K === H
      ? [`size K from ${heads}  /// heads`, 'size H = K  /// query heads']
      : [
          sizeLine(sketch, ['K', 'key/value heads'], 'keyHeads', K),
          'size G  /// query heads a key/value head',
          `size H = K * G from ${heads}  /// query heads`,
        ]),
    ...(rotation === 'none'
      ? [`size D from ${headWidth}  /// a head's width`]
      : rotation === 'whole'
        ? [
            'size Pairs  /// pairs of numbers in a head',
            `size D = 2 * Pairs from ${headWidth}  /// a head's width`,
          ]
        : [
            'size Pairs  /// pairs of numbers of a head that turn',
            `  from floor(${headWidth} * ${quoted(share!.path)}) / 2`,
            'size Rest  /// numbers of a head that do not',
            `size D = 2 * Pairs + Rest from ${headWidth}  /// a head's width`,
          ]),
    ...(F > 0 ? [sizeLine(sketch, ['F', 'feed-forward width'], 'inner', F)] : []),
    ...(V > 0 ? [sizeLine(sketch, ['V', 'vocabulary'], 'vocabulary', V)] : []),
    ...(Positions > 0
      ? [sizeLine(sketch, ['Positions', 'positions that have been learned'], 'positions', Positions)]
      : []),
  ]
}

/** A `bool` or number that is read from an entry where the configuration has it. */
const constant = (
  sketch: Sketch,
  [name, type]: readonly [string, string],
  kind: EntryKind,
  otherwise: unknown,
): string => {
  const entry = entryOf(sketch.config, kind)
  const bound = kind === 'eps' || kind === 'base' ? ' > 0' : ''
  return `const ${name}: ${type} = ${entry?.value ?? otherwise}${
    entry === undefined ? '' : ` from ${quoted(entry.path)}${bound}`
  }`
}

/** Whether the head is a tensor of its own. */
export const hasHead = (sketch: Sketch): boolean => has(sketch, 'head')

/** The constants of the program. */
export const constantLines = (sketch: Sketch): readonly string[] => {
  const { config, whole } = sketch
  const { model_type: family } = config
  const word = typeof family === 'string' && /^[A-Za-z][A-Za-z0-9_]*$/.test(family)
  const activation = entryOf(config, 'activation')
  const biased = (role: 'q' | 'qkv' | 'o' | 'up' | 'gate_up'): boolean => has(sketch, role, true)
  return [
    word
      ? `const family: ${family} = ${family} from "model_type" else refuse`
      : `const family: bool = true from "model_type" is ${quoted(`${family}`)} else refuse`,
    constant(sketch, ['tied', 'bool'], 'tied', !hasHead(sketch)),
    'const untied: bool = not tied',
    ...(whole
      ? [
          constant(sketch, ['eps', 'f32'], 'eps', '1e-5'),
          ...(typeof activation?.value === 'string'
            ? [`const activation: ${activation.value} = ${activation.value} from ${quoted(activation.path)}`]
            : []),
          ...(rotationOf(sketch) === 'none' ? [] : [constant(sketch, ['rope_base', 'f32'], 'base', 10000)]),
          constant(sketch, ['side_by_side', 'bool'], 'parallel', !has(sketch, 'mlp_norm')),
          `const qkv_bias: bool = ${biased('q') || biased('qkv')}`,
          `const attention_bias: bool = ${biased('o')}`,
          `const mlp_bias: bool = ${biased('up') || biased('gate_up')}`,
          `const norm_bias: bool = ${has(sketch, 'attn_norm', true) && has(sketch, 'norm', true)}`,
        ]
      : []),
  ]
}

/** Assumptions of the program that names and shapes do not tell. */
export const assumptions = (sketch: Sketch): readonly string[] => {
  const { config, layout, whole } = sketch
  if (!whole || layout === undefined) return []
  const rotation = rotationOf(sketch)
  return [
    'assumed: norms stand before the sublayers, attention is causal, scores are divided by √D',
    ...(layout.fused === undefined
      ? []
      : [`assumed: queries, keys and values stand ${layout.fused} in their matrix`]),
    ...(layout.transposed ? ['assumed: matrices are stored as input by output'] : []),
    ...(entryOf(config, 'eps') === undefined ? ['assumed: norms add 1e-5'] : []),
    ...(entryOf(config, 'activation') === undefined ? ['assumed: the activation is the exact GELU'] : []),
    ...(rotation === 'none'
      ? has(sketch, 'places')
        ? []
        : ['config.json and the tensors say nothing of positions: none are computed']
      : ['assumed: the halves of a head turn as pairs, as in Llama']),
    ...(has(sketch, 'mlp_norm') ? [] : ['assumed: one norm serves both sublayers, which stand side by side']),
    ...(numberOf(config, 'layers') === sketch.table.layers
      ? []
      : [`config.json does not say that there are ${sketch.table.layers} layers, and the tensors do`]),
  ]
}
