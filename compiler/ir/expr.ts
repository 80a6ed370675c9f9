import type { DType } from '../artifact.js'
import type { Axis, Expr, NodeId, PrimOp } from './ir.js'

/** Constructors of expressions. They fold nothing: simplification is a pass of its own. */
export const constant = (dtype: DType, value: number): Expr => ({
  op: 'const',
  dtype,
  // Whole numbers have one zero.
  value: value === 0 && dtype !== 'f32' ? 0 : value,
})
export const f32 = (value: number): Expr => constant('f32', value)
export const i32 = (value: number): Expr => constant('i32', value)
export const u32 = (value: number): Expr => constant('u32', value)
export const index = (axis: Axis): Expr => ({ op: 'index', dtype: 'i32', axis })
export const read = (node: NodeId, dtype: DType, at: readonly Expr[], guarded = false): Expr => ({
  op: 'read',
  dtype,
  node,
  at,
  guarded,
})

const predicates: ReadonlySet<PrimOp> = new Set(['lt', 'le', 'gt', 'ge', 'eq', 'ne', 'and', 'or', 'not'])

/**
 * A primitive's result has the type of its first argument, but for predicates, `select`, and the bits of a
 * generator.
 */
export const prim = (op: Exclude<PrimOp, 'cast'>, ...args: readonly Expr[]): Expr => ({
  op,
  dtype: predicates.has(op) ? 'bool' : op === 'select' ? args[1]!.dtype : args[0]!.dtype,
  args,
})
export const cast = (dtype: DType, arg: Expr): Expr =>
  arg.dtype === dtype ? arg : { op: 'cast', dtype, args: [arg] }

/** The mixed-radix number of `parts`, the last running fastest: `(k, g)` with extents K, G is `k·G + g`. */
export const mixedRadix = (parts: readonly Expr[], extents: readonly number[]): Expr =>
  parts.length === 0
    ? i32(0)
    : parts
        .slice(1)
        .reduce((sum, part, i) => prim('add', prim('mul', sum, i32(extents[i + 1]!)), part), parts[0]!)

/** The position at which a tensor with these dims is read by a node over the same axes. */
export const identityAt = (dims: readonly (readonly Axis[])[]): readonly Expr[] =>
  dims.map(axes =>
    mixedRadix(
      axes.map(index),
      axes.map(a => a.extent),
    ),
  )

export const childrenOf = (e: Expr): readonly Expr[] =>
  e.op === 'const' || e.op === 'index' ? [] : e.op === 'read' ? e.at : e.args

const withChildren = (e: Expr, children: readonly Expr[]): Expr => {
  if (e.op === 'const' || e.op === 'index') return e
  const old = childrenOf(e)
  if (children.every((c, i) => c === old[i])) return e
  return e.op === 'read' ? { ...e, at: children } : { ...e, args: children }
}

/**
 * Bottom-up rewriting that keeps sharing: each distinct node is visited once. `leave` sees a node with its
 * new children.
 */
export const rewrite = (root: Expr, leave: (e: Expr) => Expr): Expr => rewriter(leave)(root)

/** The same for several roots that share parts. */
export const rewriter = (leave: (e: Expr) => Expr): ((e: Expr) => Expr) => {
  const done = new Map<Expr, Expr>()
  return root => {
    for (const e of postorder(root, x => done.has(x)))
      done.set(
        e,
        leave(
          withChildren(
            e,
            childrenOf(e).map(c => done.get(c)!),
          ),
        ),
      )
    return done.get(root)!
  }
}

/**
 * Every distinct sub-expression once, children before parents, but for those that are `known` and what is
 * inside them.
 */
export function postorder(root: Expr, known?: (e: Expr) => boolean): readonly Expr[]
export function postorder(...roots: readonly Expr[]): readonly Expr[]
export function postorder(...args: readonly (Expr | ((e: Expr) => boolean) | undefined)[]): readonly Expr[] {
  const last = args.at(-1)
  const known = typeof last === 'function' ? last : undefined
  const seen = new Set<Expr>()
  // By a stack of its own: an expression may be nested deeper than functions can call themselves.
  for (const root of args) {
    if (root === undefined || typeof root === 'function') continue
    const stack: Expr[] = [root]
    while (stack.length > 0) {
      const e = stack.at(-1)!
      if (seen.has(e) || known?.(e)) {
        stack.pop()
        continue
      }
      const open = childrenOf(e).filter(c => !seen.has(c) && !known?.(c))
      if (open.length === 0) {
        seen.add(e)
        stack.pop()
      } else for (let i = open.length - 1; i >= 0; i--) stack.push(open[i]!)
    }
  }
  return [...seen]
}

/** Each axis of `of` replaced by an expression. */
export const substituteAxes = (e: Expr, of: ReadonlyMap<number, Expr>): Expr =>
  of.size === 0 ? e : rewrite(e, x => (x.op === 'index' ? (of.get(x.axis.id) ?? x) : x))

/** The axes an expression depends on, by id. */
export const axesOf = (...roots: readonly Expr[]): ReadonlyMap<number, Axis> => {
  const out = new Map<number, Axis>()
  for (const e of postorder(...roots)) if (e.op === 'index') out.set(e.axis.id, e.axis)
  return out
}

export type ReadExpr = Extract<Expr, { op: 'read' }>

/** Every distinct read. */
export const readsOf = (...roots: readonly Expr[]): readonly ReadExpr[] =>
  postorder(...roots).filter((e): e is ReadExpr => e.op === 'read')
