import { assumptions, constantLines, hasHead, rotationOf, sizeLines, takesMeanOff } from './declarations.js'
import { activations, entryOf } from './entries.js'
import { has, type Sketch, type SketchField } from './sketch.js'
import type { Role } from './tensors.js'

const names: Readonly<Record<Role, string>> = {
  attn_norm: 'attn_norm',
  mlp_norm: 'mlp_norm',
  q_norm: 'q_norm',
  k_norm: 'k_norm',
  q: 'wq',
  k: 'wk',
  v: 'wv',
  qkv: 'qkv',
  o: 'wo',
  gate: 'gate',
  up: 'up',
  gate_up: 'gate_up',
  down: 'down',
  embed: 'embed',
  places: 'places',
  norm: 'norm',
  head: 'head',
}

const fieldName = (role: Role, bias: boolean): string => `${names[role]}${bias ? '_bias' : ''}`

const fieldLine = ({ role, bias, from, shape }: SketchField, more = ''): string =>
  `  ${fieldName(role, bias)}: ${shape.type} from ${JSON.stringify(from)}${more}` +
  `${shape.stored === undefined ? '' : ` as [${shape.stored}]`}`

/** Fields that nothing computes with, as comments, so that the tensors are refused by name. */
const leftLines = ({ left }: Sketch, inLayer: boolean): readonly string[] =>
  left
    .filter(t => t.inLayer === inLayer)
    .map(t => {
      const name = t.name.replaceAll(/\W+/g, '_').replace(/_weight$/, '')
      return `  // ${name}: f32[${t.shape.join(', ')}] from ${JSON.stringify(t.name)}  (${t.why})`
    })

const records = (sketch: Sketch): readonly string[] => {
  const { layer, model, table } = sketch
  const means = takesMeanOff(sketch)
  /** Biases of layer norms that the checkpoint does not have. */
  const zeros = (fields: readonly SketchField[]): readonly string[] =>
    fields
      .filter(f => /norm$/.test(f.role) && !/^[qk]_/.test(f.role) && !f.bias && means)
      .filter(f => !fields.some(o => o.role === f.role && o.bias))
      .map(f => `  ${fieldName(f.role, true)}: f32[E] from "${f.from.replace(/weight$/, 'bias')}" else 0`)
  const embed = model.find(f => f.role === 'embed')
  const ownHead = hasHead(sketch)
  const head = (f: SketchField): string =>
    f.role === 'head' && !f.bias && embed !== undefined
      ? fieldLine(f, ` if untied else ${JSON.stringify(embed.from)}`)
      : fieldLine(f)
  return [
    'record Layer {',
    ...layer.map(f => fieldLine(f)),
    ...zeros(layer),
    ...leftLines(sketch, true),
    '}',
    '',
    'record Model {',
    ...model.map(head),
    ...zeros(model),
    ...(layer.length > 0 ? [`  layers: Layer[L] from ${JSON.stringify(table.layerPrefix)}`] : []),
    ...(sketch.whole && !ownHead && embed !== undefined
      ? [`  head: f32[V, E] from ${JSON.stringify(embed.from)}`]
      : []),
    ...leftLines(sketch, false),
    '}',
  ]
}

/** `norm(x)` of a role. */
const normOf = (sketch: Sketch, role: Role, x: string, owner = 'w'): string =>
  takesMeanOff(sketch)
    ? `layer_norm(${x}, ${owner}.${names[role]}, ${owner}.${names[role]}_bias, eps)`
    : `rms_norm(${x}, ${owner}.${names[role]}, eps)`

/** The body of a projection of x to axes `out`, by a weight read as `[…]`. */
const projection = (
  sketch: Sketch,
  { role, read, out, sum }: { role: Role; read: readonly string[]; out: string; sum: readonly string[] },
): string => {
  const transposed = sketch.layout!.transposed
  const from = transposed ? [...sum, ...read] : [...read, ...sum]
  const bias = has(sketch, role, true) ? ` + w.${fieldName(role, true)}[${read.join(', ')}]` : ''
  const [axes, weight] = [sum.join(', '), `w.${names[role]}[${from.join(', ')}]`]
  return `for ${out} -> (sum ${axes} -> ${weight} * x[${axes}])${bias}`
}

/** The projections into heads: what stands behind `(x, h) ->`. */
const headProjection = (sketch: Sketch, part: 'q' | 'k' | 'v'): string => {
  const { fused, transposed, sizes } = sketch.layout!
  if (fused === undefined) return projection(sketch, { role: part, read: ['h', 'd'], out: 'd', sum: ['e'] })
  const at = { q: 0, k: 1, v: 2 }[part]
  const bias = has(sketch, 'qkv', true)
  if (sizes.K === sizes.H) {
    const read = fused === 'by head' ? ['h', `${at}`, 'd'] : [`${at}`, 'h', 'd']
    return projection(sketch, { role: 'qkv', read, out: 'd', sum: ['e'] })
  }
  const read =
    fused === 'by head'
      ? { q: 'div(h, G), h % G', k: 'h, G', v: 'h, G + 1' }[part]
      : { q: 'h', k: 'H + h', v: 'H + K + h' }[part]
  const offset = bias ? ` + w.qkv_bias.at(${read}, d, else: 0)` : ''
  const row = transposed ? `e, ${read}, d` : `${read}, d, e`
  return `for d -> (sum e -> w.qkv.at(${row}, else: 0) * x[e])${offset}`
}

const feedForward = (sketch: Sketch): readonly string[] => {
  const activation = entryOf(sketch.config, 'activation')
  const act = activations[`${activation?.value ?? 'gelu'}`]!
  const own = (role: Role, read: readonly string[], out: string, sum: string): string =>
    `x -> ${projection(sketch, { role, read, out, sum: [sum] })}`
  const down = own('down', ['e'], 'e', 'f')
  const inner = has(sketch, 'gate_up')
    ? [own('gate_up', ['0', 'f'], 'f', 'e'), own('gate_up', ['1', 'f'], 'f', 'e')]
    : has(sketch, 'gate')
      ? [own('gate', ['f'], 'f', 'e'), own('up', ['f'], 'f', 'e')]
      : [own('up', ['f'], 'f', 'e')]
  return [
    'fn feed_forward(w: Layer, x: f32[E], l: idx[L], p: Place, sites: Sites) -> f32[E] =',
    `  ${inner.length === 2 ? 'gated' : 'ungated'}(`,
    `    x, l, p, sites, ${act},`,
    ...inner.map(line => `    ${line},`),
    `    ${down})`,
  ]
}

const blockLines = (sketch: Sketch): readonly string[] => {
  const rotation = rotationOf(sketch)
  const mlp = has(sketch, 'mlp_norm') ? 'mlp_norm' : 'attn_norm'
  const turned = (role: 'q_norm' | 'k_norm', x: string): string => {
    const normed = has(sketch, role) ? `rms_norm(${x}[h, t], w.${names[role]}, eps)` : `${x}[h, t]`
    const turn = rotation === 'part' ? 'nn.rope_part' : 'nn.rope'
    return rotation === 'none' ? normed : `${turn}(${normed}, cosine[t], sine[t])`
  }
  const headBias = has(sketch, 'head', true) ? ' + w.head_bias[v]' : ''
  const angle = 'f32(t) * rope.frequency(r, rope_base, T)'
  const o = projection(sketch, { role: 'o', read: ['e'], out: 'e', sum: ['h', 'd'] }).replaceAll('x[', 'z[')
  return [
    '/// Layer l over one sequence, whose prompt has so many tokens: what its heads gather, and the residual',
    '/// stream after it.',
    'fn block(w: Layer, x: f32[T, E], l: idx[L], prompt: i32, sites: Sites) -> (f32[H, T, D], f32[T, E]) =',
    ...(rotation === 'none'
      ? []
      : [
          `  let cosine = for t: T, r: Pairs -> rope.scale() * cos(${angle})`,
          `  let sine = for t: T, r: Pairs -> rope.scale() * sin(${angle})`,
        ]),
    `  let n = for t -> ${normOf(sketch, 'attn_norm', 'x[t]')}`,
    `  let q = queries(n, l, prompt, sites, (x, h) -> ${headProjection(sketch, 'q')})`,
    `  let q = for h, t -> ${turned('q_norm', 'q')}`,
    `  let k = keys(n, l, prompt, sites, (x, h) -> ${headProjection(sketch, 'k')})`,
    `  let k = for h, t -> ${turned('k_norm', 'k')}`,
    `  let v = values(n, l, prompt, sites, (x, h) -> ${headProjection(sketch, 'v')})`,
    '  let z = heads(q, k, v, l, prompt, sites)',
    `  let o = (z: f32[H, D]) -> ${o}`,
    '  let y = for t -> x[t] + gathered(z, t, l, prompt, sites, o)',
    '  let after = for t ->',
    '    let p = Place { position: t, prompt }',
    `    let m = ${normOf(sketch, mlp, '(if side_by_side then x[t] else y[t])')}`,
    '    sites.block(l, p, y[t] + sites.feed_forward(l, p, feed_forward(w, m, l, p, sites)))',
    '  (z, after)',
    '',
    ...feedForward(sketch),
    '',
    '/// The residual stream before the first layer.',
    'fn embedded(w: Model, tokens: idx[V][T], sites: Sites, prompt: i32) -> f32[T, E] =',
    has(sketch, 'places')
      ? '  blocks.embedded(tokens, prompt, sites, (v, t) ->\n' +
        '    for e -> w.embed[v, e] + w.places.at(t, e, else: 0 * inf))'
      : '  blocks.embedded(tokens, prompt, sites, (v, t) -> w.embed[v])',
    '',
    '/// A rate for every tensor.',
    'fn rates(w: Model, rate: f32) -> f32 per Model = rate',
    '',
    '/// The model with the embedding for its head, where the two are one tensor.',
    'fn tie(w: Model) -> Model = if tied then w with { head: w.embed } else w',
    '',
    '/// What the last block leaves at every position of one sequence.',
    'fn hidden(w: Model, tokens: idx[V][T], sites: Sites = {}, prompt: i32 = 0) -> f32[T, E] =',
    '  through(embedded(w, tokens, sites, prompt), (x, l) -> block(w.layers[l], x, l, prompt, sites))',
    '',
    '/// What `see` makes of the layers: see `std.blocks.seen`.',
    'fn visit(',
    '  w: Model, tokens: idx[V][T], begin: P, see: (P, idx[L], f32[H, T, D], f32[T, E]) -> P,',
    '  sites: Sites = {}, prompt: i32 = 0',
    ') -> P =',
    '  let layer = (x: f32[T, E], l: idx[L]) -> block(w.layers[l], x, l, prompt, sites)',
    '  seen(embedded(w, tokens, sites, prompt), begin, layer, see)',
    '',
    '/// The logits of the token after a place at which the last block leaves x.',
    'fn next(w: Model, x: f32[E], sites: Sites = {}, place: Place = { position: 0, prompt: 0 }) -> f32[V] =',
    `  let n = sites.last(place, ${has(sketch, 'norm') ? normOf(sketch, 'norm', 'x') : 'x'})`,
    `  sites.logits(place, for v -> dot(n, w.head[v])${headBias})`,
    '',
    '/// The logits of the next token at every position of one sequence.',
    'fn logits(w: Model, tokens: idx[V][T], sites: Sites = {}, prompt: i32 = 0) -> f32[T, V] =',
    '  let x = hidden(w, tokens, sites, prompt)',
    '  for t -> next(w, x[t], sites, { position: t, prompt })',
  ]
}

/** Breaks a sentence into lines of a comment. */
const commented = (text: string): readonly string[] => {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < 104) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.map((line, i) => `${i === 0 ? '// - ' : '//   '}${line}`)
}

/** A program for a checkpoint, and what it is not sure of, a sentence each. */
export interface Written {
  readonly text: string
  readonly notes: readonly string[]
}

/**
 * Writes a program from a sketch. It checks, whatever could not be found out. `unread` are remarks about
 * entries of the configuration that this program does not read.
 */
export const writeSketch = (sketch: Sketch, unread: readonly string[] = []): Written => {
  const { whole, config } = sketch
  const notes = [...sketch.notes, ...unread, ...assumptions(sketch)]
  const means = takesMeanOff(sketch)
  const feeding = has(sketch, 'gate') || has(sketch, 'gate_up') ? 'gated' : 'ungated'
  const rotates = rotationOf(sketch) !== 'none'
  const rms = !means || has(sketch, 'q_norm') || has(sketch, 'k_norm')
  const imports = whole
    ? [
        'import std.blocks',
        `import std.blocks (${feeding}, gathered, heads, keys, queries, seen, through, values)`,
        `import std.nn (dot${means ? ', layer_norm' : ''}${rms ? ', rms_norm' : ''})`,
        'import std.nn',
        ...(rotates ? ['import std.rope'] : []),
        'import std.sites (Place, Sites)',
      ]
    : []
  const lines = [
    `/// A decoder of the family ${config.model_type}, written by \`jola new --from\` from a checkpoint's`,
    '/// configuration and from the names and shapes of its tensors.',
    ...imports,
    '',
    ...(notes.length === 0
      ? []
      : [
          '// To be looked after:',
          '//',
          ...notes.flatMap(commented),
          '//',
          '// Entries and tensors that nothing reads are refused by name when the program is used.',
          '',
        ]),
    ...constantLines(sketch),
    '',
    ...sizeLines(sketch),
    ...(whole ? ['', 'type P'] : []),
    '',
    ...records(sketch),
    ...(whole ? ['', ...blockLines(sketch)] : []),
    '',
  ]
  return { text: lines.join('\n'), notes }
}
