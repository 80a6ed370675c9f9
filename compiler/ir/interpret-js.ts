import type { DType } from '../artifact.js'
import { childrenOf, postorder } from './expr.js'
import { outerAxes, shapeOf } from './graph.js'
import { intervals } from './interval.js'
import type { Axis, ComputeNode, Expr, Node, NodeId } from './ir.js'
import { prims } from './prims.js'
import { identityOf } from './reduction-identity.js'

type Read = Extract<Expr, { op: 'read' }>

/**
 * Evaluates a node into its array; after the arrays, by node, come the values of its regions' axes,
 * outermost first.
 */
export type NodeProgram = (arrays: readonly Float64Array[], ...sequential: readonly number[]) => void

type Application = Extract<Expr, { args: readonly Expr[] }>

const binary: Partial<Record<string, string>> = { add: '+', sub: '-', div: '/' }
const compare: Partial<Record<string, string>> = {
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  eq: '===',
  ne: '!==',
}
const maths: ReadonlySet<string> = new Set([
  'exp',
  'log',
  'sqrt',
  'sin',
  'cos',
  'tanh',
  'floor',
  'abs',
  'min',
  'max',
])

const number = (x: number): string => (Object.is(x, -0) ? '-0' : `${x}`)
const wrapped = (text: string, dtype: DType): string =>
  dtype === 'i32' ? `(${text}) | 0` : dtype === 'u32' ? `(${text}) >>> 0` : text

/** The common primitives in JavaScript; undefined for those left to the table. */
const inline = (e: Application, args: readonly string[]): string | undefined => {
  const [a, b, c] = args
  if (binary[e.op] !== undefined) return wrapped(`${a} ${binary[e.op]} ${b}`, e.dtype)
  if (compare[e.op] !== undefined) return `${a} ${compare[e.op]} ${b} ? 1 : 0`
  if (maths.has(e.op)) return wrapped(`Math.${e.op}(${args.join(', ')})`, e.dtype)
  switch (e.op) {
    case 'mul':
      return e.dtype === 'f32' ? `${a} * ${b}` : wrapped(`Math.imul(${a}, ${b})`, e.dtype)
    case 'neg':
      return wrapped(`-${a}`, e.dtype)
    case 'and':
      return `${a} & ${b}`
    case 'or':
      return `${a} | ${b}`
    case 'not':
      return `1 - ${a}`
    case 'select':
      return `${a} ? ${b} : ${c}`
    case 'stop':
      return a!
    case 'cast':
      return e.dtype === 'f32' ? a! : undefined
    default:
      return undefined
  }
}

const stridesOf = (shape: readonly number[]): readonly number[] =>
  shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1))

/** Terms of a sum, each with the loop level at which it is known. */
interface Term {
  readonly text: string
  readonly level: number
}

/**
 * A read that is not guarded has left its tensor, and its value counts: a defect of the compiler, or
 * indices that are out of range.
 */
const outside = (node: ComputeNode, source: Node): never => {
  throw new Error(
    `%${node.id} (${node.origin.label}) reads outside of %${source.id} (${source.origin.label}), ` +
      `whose shape is [${shapeOf(source).join(', ')}]`,
  )
}

/**
 * Compiles a compute node to JavaScript: a loop an axis, every sub-expression at the outermost loop that
 * knows it, and the reduction in a register. `round` is applied to what is stored. The program throws where
 * a read leaves its tensor, unless it is guarded or stands in the branch of a `select` that is not taken.
 */
export const compileNode = (
  node: ComputeNode,
  depth: number,
  nodes: ReadonlyMap<NodeId, Node>,
  round: boolean,
): NodeProgram => {
  const sequential = node.dims.slice(0, depth).map(axes => axes[0]!)
  const dims = node.dims.slice(depth)
  const loops: readonly Axis[] = [...dims.flat(), ...(node.reduce?.axes ?? [])]
  const outer = dims.flat().length
  const levels = new Map<number, number>()
  for (const a of sequential) levels.set(a.id, 0)
  for (const [i, a] of loops.entries()) levels.set(a.id, i + 1)

  const statements: string[][] = [[], ...loops.map(() => [])]
  const external: ((...args: number[]) => number)[] = []
  const values = new Map<Expr, Term>()
  let names = 0
  const define = (level: number, text: string): Term => {
    const name = `v${names++}`
    statements[level]!.push(`const ${name} = ${text}`)
    return { text: name, level }
  }
  /** The sum, computed step by step from the outer loops inwards. */
  const sum = (terms: readonly Term[]): Term =>
    [...terms]
      .sort((a, b) => a.level - b.level)
      .reduce((acc, t) => (acc.text === '0' ? t : define(t.level, `${acc.text} + ${t.text}`)), {
        text: '0',
        level: 0,
      })

  // Every sub-expression that may read outside has a variable: 0 where it does not, else the number of such
  // a read and 1.
  const faults = new Map<Expr, Term>()
  const risky: Read[] = []
  const interval = intervals()
  const first = (terms: readonly Term[]): Term | undefined =>
    terms.length < 2
      ? terms[0]
      : define(Math.max(...terms.map(t => t.level)), terms.map(t => t.text).join(' || '))
  const faultOf = (e: Expr): Term | undefined => {
    const inside = [...new Set(childrenOf(e).flatMap(c => faults.get(c) ?? []))]
    if (e.op === 'select') {
      const [condition, yes, no] = e.args.map(a => faults.get(a))
      if (yes === undefined && no === undefined) return condition
      const chosen = values.get(e.args[0]!)!
      const level = Math.max(chosen.level, yes?.level ?? 0, no?.level ?? 0)
      const branch = define(level, `${chosen.text} ? ${yes?.text ?? 0} : ${no?.text ?? 0}`)
      return first(condition === undefined ? [branch] : [condition, branch])
    }
    if (e.op !== 'read' || e.guarded) return first(inside)
    const shape = shapeOf(nodes.get(e.node)!)
    const open = e.at.flatMap((p, i) => {
      const { lo, hi } = interval(p)
      return lo >= 0 && hi < shape[i]! ? [] : [{ at: values.get(p)!, extent: shape[i]! }]
    })
    if (open.length === 0) return first(inside)
    const holds = open.map(({ at, extent }) => `${at.text} >= 0 && ${at.text} < ${extent}`).join(' && ')
    const mine = define(Math.max(...open.map(o => o.at.level)), `${holds} ? 0 : ${risky.push(e)}`)
    return first([...inside, mine])
  }

  const emitRead = (e: Read): Term => {
    const shape = shapeOf(nodes.get(e.node)!)
    const strides = stridesOf(shape)
    const at = e.at.map(p => values.get(p)!)
    const terms = at.map((p, i) => (strides[i] === 1 ? p : define(p.level, `${p.text} * ${strides[i]}`)))
    const offset = sum(terms)
    if (!e.guarded) return define(offset.level, `a${e.node}[${offset.text}]`)
    const checks = at.map((p, i) => `${p.text} >= 0 && ${p.text} < ${shape[i]}`)
    return define(
      Math.max(0, ...at.map(p => p.level)),
      `${['true', ...checks].join(' && ')} ? a${e.node}[${offset.text}] : 0`,
    )
  }

  const reads = new Set<NodeId>()
  for (const e of postorder(node.body)) {
    if (e.op === 'const')
      values.set(e, { text: e.value < 0 ? `(${number(e.value)})` : number(e.value), level: 0 })
    else if (e.op === 'index') values.set(e, { text: `x${e.axis.id}`, level: levels.get(e.axis.id)! })
    else if (e.op === 'read') {
      reads.add(e.node)
      values.set(e, emitRead(e))
    } else {
      const args = e.args.map(a => values.get(a)!)
      const level = Math.max(0, ...args.map(a => a.level))
      const texts = args.map(a => a.text)
      let text = inline(e, texts)
      if (text === undefined) {
        const row = prims[e.op]
        const argDtypes = e.args.map(a => a.dtype)
        text = `external[${external.length}](${texts.join(', ')})`
        external.push((...xs) => row.evaluate(xs, e.dtype, argDtypes))
      }
      values.set(e, define(level, text))
    }
    const fault = faultOf(e)
    if (fault !== undefined) faults.set(e, fault)
  }
  const fault = faults.get(node.body)
  // Where a loop has no turns, nothing of the body is needed.
  if (fault !== undefined && loops.every(a => a.extent > 0))
    statements[fault.level]!.push(`if (${fault.text}) outside(${fault.text})`)

  const body = values.get(node.body)!
  const strides = outerAxes(node).map((_, i, all) => all.slice(i + 1).reduce((n, a) => n * a.extent, 1))
  const target = sum(
    outerAxes(node).map((a, i) => {
      const level = levels.get(a.id)!
      return strides[i] === 1 ? { text: `x${a.id}`, level } : define(level, `x${a.id} * ${strides[i]}`)
    }),
  )
  const stored = (text: string): string =>
    `out[${target.text}] = ${round && node.dtype === 'f32' ? `Math.fround(${text})` : text}`

  const open = (i: number): string =>
    `for (let x${loops[i]!.id} = 0; x${loops[i]!.id} < ${loops[i]!.extent}; x${loops[i]!.id}++) {`
  const lines: string[] = [
    ...[...reads].map(id => `const a${id} = arrays[${id}]`),
    `const out = arrays[${node.id}]`,
    ...statements[0]!,
  ]
  for (let i = 0; i < outer; i++) lines.push(open(i), ...statements[i + 1]!)
  if (node.reduce === undefined) lines.push(stored(body.text))
  else {
    const { op, axes } = node.reduce
    lines.push(`let acc = ${number(identityOf(op, node.dtype))}`)
    if (op === 'argmax' || op === 'argmin')
      lines.push(`let best = ${op === 'argmax' ? '-Infinity' : 'Infinity'}`)
    for (let i = outer; i < loops.length; i++) lines.push(open(i), ...statements[i + 1]!)
    lines.push(accumulate(node, body.text))
    lines.push(axes.map(() => '}').join(' '), stored('acc'))
  }
  lines.push('}'.repeat(outer))
  const parameters = ['arrays', ...sequential.map(a => `x${a.id}`)].join(', ')
  return new Function('external', 'outside', `return (${parameters}) => {\n${lines.join('\n')}\n}`)(
    external,
    (n: number) => outside(node, nodes.get(risky[n - 1]!.node)!),
  ) as NodeProgram
}

const accumulate = (node: ComputeNode, value: string): string => {
  const { op, axes } = node.reduce!
  switch (op) {
    case 'sum':
      return `acc = ${wrapped(`acc + ${value}`, node.dtype)}`
    case 'prod':
      return node.dtype === 'f32'
        ? `acc *= ${value}`
        : `acc = ${wrapped(`Math.imul(acc, ${value})`, node.dtype)}`
    case 'max':
    case 'min':
      return `acc = Math.${op}(acc, ${value})`
    default: {
      // The first of equals stays, and the first NaN is taken and stays.
      const better = `${value} ${op === 'argmax' ? '>' : '<'} best`
      const firstNaN = `(${value} !== ${value} && best === best)`
      return `if (${better} || ${firstNaN}) { best = ${value}; acc = x${axes[0]!.id} }`
    }
  }
}
