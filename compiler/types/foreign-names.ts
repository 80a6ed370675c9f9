/**
 * How the functions of NumPy, PyTorch and other languages are written here: for a call of an unknown name,
 * the expression to write instead.
 */
import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import { replaceBy } from '../diagnostics/fix.js'
import { missingImport } from '../names/import-fix.js'
import type { Path } from '../syntax/ast.js'
import type { CallExpr } from './arguments.js'
import type { BodyContext } from './body-context.js'
import { isBuiltin } from './builtin-table.js'
import { sourceText } from './wording.js'

/** An expression as part of a larger one: in parentheses, unless it is a name, a number, a call or a read. */
export const inParentheses = (text: string): string =>
  /^[\w.']+$|^[\w.']+(\([^()]*\)|\[[^[\]]*\])$|^\([^()]*\)$/.test(text) ? text : `(${text})`

const spare = ['i', 'j', 'k', 'l', 'm', 'n']

/** So many index names that no variable of the body has. */
export const freeIndices = (cx: BodyContext, count: number): readonly string[] => {
  const taken = new Set([...cx.locals.values()].map(local => local.name))
  return [...spare.filter(name => !taken.has(name)), ...spare].slice(0, count)
}

const axesOf = (cx: BodyContext, e: CoreExpr | undefined): number => {
  const t = e && cx.solver.head(e.type)
  return t?.kind === 'tensor' || t?.kind === 'array' ? t.dims.length : 0
}

/** `for i, j -> ` around an element, for a tensor with so many axes. */
const elementwise = (
  cx: BodyContext,
  args: readonly CoreExpr[],
  write: (texts: readonly string[]) => string,
): string => {
  const axes = Math.max(0, ...args.map(a => axesOf(cx, a)))
  const indices = freeIndices(cx, axes)
  const texts = args.map(a => {
    const text = sourceText(a.span, 'x')
    const own = axesOf(cx, a)
    return own === 0 ? text : `${inParentheses(text)}[${indices.slice(axes - own).join(', ')}]`
  })
  return axes === 0 ? write(texts) : `for ${indices.join(', ')} -> ${write(texts)}`
}

/** A reduction of a whole tensor: `max i -> x[i]`. */
export const reduceWhole = (cx: BodyContext, word: string, tensor: CoreExpr): string | undefined => {
  const axes = axesOf(cx, tensor)
  if (axes === 0) return undefined
  const indices = freeIndices(cx, axes).join(', ')
  return `${word} ${indices} -> ${inParentheses(sourceText(tensor.span, 'x'))}[${indices}]`
}

type Rewrite = (cx: BodyContext, args: readonly CoreExpr[]) => string | undefined

const sized =
  (write: (indices: readonly string[]) => string): Rewrite =>
  (cx, args) => {
    if (args.length === 0 || args.some(a => a.kind !== 'size' && a.kind !== 'const')) return undefined
    const indices = freeIndices(cx, args.length)
    const binders = args.map((a, i) => `${indices[i]}: ${sourceText(a.span, 'N')}`)
    return `for ${binders.join(', ')} -> ${write(indices)}`
  }

const larger =
  (word: string, of: string): Rewrite =>
  (cx, args) =>
    args.length === 1
      ? reduceWhole(cx, word, args[0]!)
      : args.length === 2
        ? elementwise(cx, args, ([a, b]) => `${of}(${a}, ${b})`)
        : undefined

const matrixProduct: Rewrite = (cx, args) => {
  const [a, b] = args.map(e => inParentheses(sourceText(e.span, 'x')))
  const [p, q] = args.map(e => axesOf(cx, e))
  const [i, j, k] = freeIndices(cx, 3)
  if (p === 2 && q === 2) return `for ${i}, ${j} -> sum ${k} -> ${a}[${i}, ${k}] * ${b}[${k}, ${j}]`
  if (p === 2 && q === 1) return `for ${i} -> sum ${k} -> ${a}[${i}, ${k}] * ${b}[${k}]`
  if (p === 1 && q === 1) return `sum ${k} -> ${a}[${k}] * ${b}[${k}]`
  return undefined
}

const choose: Rewrite = (cx, args) =>
  args.length === 3 ? elementwise(cx, args, ([c, a, b]) => `if ${c} then ${a} else ${b}`) : undefined

const power: Rewrite = (cx, args) =>
  args.length === 2
    ? elementwise(cx, args, ([a, b]) => `${inParentheses(a!)} ^ ${inParentheses(b!)}`)
    : undefined

const called =
  (name: string): Rewrite =>
  (cx, args) =>
    elementwise(cx, args, texts => `${name}(${texts.join(', ')})`)

const lengthOf: Rewrite = (cx, [x]) => {
  const t: Type | undefined = x && cx.solver.head(x.type)
  return t?.kind === 'tensor' || t?.kind === 'array' ? cx.showSize(t.dims[0]!) : undefined
}

const transposed: Rewrite = (cx, [x]) => {
  if (x === undefined || axesOf(cx, x) !== 2) return undefined
  const [i, j] = freeIndices(cx, 2)
  return `for ${j}, ${i} -> ${inParentheses(sourceText(x.span, 'x'))}[${i}, ${j}]`
}

const rewrites: ReadonlyMap<string, Rewrite> = new Map<string, Rewrite>([
  ['max', larger('max', 'maximum')],
  ['min', larger('min', 'minimum')],
  ['amax', larger('max', 'maximum')],
  ['fmax', larger('max', 'maximum')],
  ['fmin', larger('min', 'minimum')],
  ['pow', power],
  ['power', power],
  ['ln', called('log')],
  ['fabs', called('abs')],
  ['square', (cx, args) => elementwise(cx, args, ([a]) => `${inParentheses(a!)} ^ 2`)],
  ['float', called('f32')],
  ['int', called('i32')],
  ['len', lengthOf],
  ['zeros', sized(() => '0')],
  ['ones', sized(() => '1')],
  ['arange', sized(([i]) => `f32(${i})`)],
  ['range', sized(([i]) => `f32(${i})`)],
  ['where', choose],
  ['select', choose],
  ['matmul', matrixProduct],
  ['mm', matrixProduct],
  ['bmm', matrixProduct],
  ['transpose', transposed],
])

/** What to write for a name that is no call. */
const words: ReadonlyMap<string, string> = new Map([
  ['True', 'true'],
  ['False', 'false'],
  ['infinity', 'inf'],
  ['Infinity', 'inf'],
  ['nan', '0 / 0'],
  ['NaN', '0 / 0'],
])

/** Names that need a sentence instead of an expression. */
const sentences: ReadonlyMap<string, string> = new Map([
  ['None', 'every value is there: a choice gives a value on both sides, as in `if c then a else 0`'],
  ['null', 'every value is there: a choice gives a value on both sides, as in `if c then a else 0`'],
  ['einsum', 'an `einsum` is the sum itself: `for i, j -> sum k -> a[i, k] * b[k, j]`'],
  [
    'reshape',
    'nothing is reshaped: `for i -> x[(j, k)]` reads two indices as one, `for (j, k) -> …` makes one',
  ],
  ['view', 'nothing is reshaped: `for i -> x[(j, k)]` reads two indices as one, `for (j, k) -> …` makes one'],
  ['concat', 'join by the index: `for i: N + M -> if i < N then a.at(i, else: 0) else b.at(i - N, else: 0)`'],
  ['cat', 'join by the index: `for i: N + M -> if i < N then a.at(i, else: 0) else b.at(i - N, else: 0)`'],
  ['sort', '`sorted` of `std.sort` sorts: `import std.sort (sorted)`'],
  ['argsort', '`order` of `std.sort` gives the indices: `import std.sort (order)`'],
  ['topk', '`top` of `std.sort` gives the indices of the largest: `import std.sort (top)`'],
  ['cumsum', 'a running sum is `scan s = 0.0 for i -> s + x[i]`'],
  ['vmap', 'a `for` around a call does it for every row: `for b -> f(x[b])`'],
  ['jvp', '`pushed_forward` of `std.derivatives` is forward mode: `import std.derivatives (pushed_forward)`'],
  ['vjp', '`pulled_back` of `std.derivatives` is reverse mode: `import std.derivatives (pulled_back)`'],
  ['range', 'an index over a range is `for i: N -> …`'],
  ['len', 'the length of an axis is its size name'],
  ['nan', 'there is no literal for it; `0 / 0` is not a number'],
])

/** Names of modules under which other libraries have the functions that are built in here. */
const libraries: ReadonlySet<string> = new Set(['np', 'numpy', 'jnp', 'jax', 'torch', 'math', 'F', 'tf'])

/** A hint for an unknown name, and the fix that does what it says. */
export const foreignName = (cx: BodyContext, path: Path) => {
  const { module, name } = path
  if (module !== undefined) {
    if (!libraries.has(module.text) || !isBuiltin(name.text)) return undefined
    const title = `\`${name.text}\` is built in: write it without \`${module.text}\``
    return { hint: title, fixes: [replaceBy(path.span, name.text)] }
  }
  const word = words.get(name.text)
  if (word !== undefined) {
    const hint = sentences.get(name.text) ?? `write \`${word}\``
    return { hint, fixes: [replaceBy(path.span, word, { sure: !sentences.has(name.text) })] }
  }
  const sentence = sentences.get(name.text)
  if (sentence !== undefined) return { hint: sentence }
  const missing = missingImport(cx.parts.scope, name.text)
  return missing && { hint: missing.hint, fixes: [missing.fix] }
}

/** `np.sqrt`, of which the first part is read as a variable: the built-in function without it. */
export const libraryPrefix = ({ module, name }: Path) => {
  if (module !== undefined || !libraries.has(name.text)) return undefined
  const { source, start, end } = name.span
  const [, member] = /^\.(\w+)/.exec(source.text.slice(end)) ?? []
  if (member === undefined || !isBuiltin(member)) return undefined
  const fix = replaceBy({ source, start, end: end + 1 }, '', { title: `remove \`${name.text}.\`` })
  return { hint: `\`${member}\` is built in: write it without \`${name.text}\``, fixes: [fix] }
}

/** Whether a call's name is one of another language. */
export const mayBeForeign = ({ callee }: CallExpr): boolean =>
  callee.kind === 'name' &&
  rewrites.has(callee.path.name.text) &&
  (callee.path.module === undefined || libraries.has(callee.path.module.text))

/** The expression to write for a call of an unknown name, as a hint with its fix. */
export const foreignCall = (cx: BodyContext, e: CallExpr, args: readonly CoreExpr[]) => {
  const path = e.callee.kind === 'name' ? e.callee.path : undefined
  const bare = path !== undefined && (path.module === undefined || libraries.has(path.module.text))
  const written = bare ? rewrites.get(path.name.text)?.(cx, args) : undefined
  if (written === undefined) return undefined
  const { text } = e.span.source
  const before = text.slice(0, e.span.start).trimEnd()
  const operand = /[-+*/^%<>]$|[=!<>]=$/.test(before) && !before.endsWith('->')
  const own = operand ? inParentheses(written) : written
  return { hint: `write \`${own}\``, fixes: [replaceBy(e.span, own)] }
}
