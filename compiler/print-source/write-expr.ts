import { affineAtom, affineConstantOf, affineDifference, affineSplit } from '../affine/affine.js'
import { orderedExpr } from '../affine/affine-expr.js'
import { affineOfAnySize } from '../affine/affine-of.js'
import {
  asConstantSize,
  divideSizes,
  isPositiveSize,
  productOfSizes,
  type Size,
  sameSize,
  sizeConstant,
  subtractSizes,
} from '../core/size.js'
import { axesOf, postorder } from '../ir/expr.js'
import type { Axis, Expr, Node, NodeId, PrimOp } from '../ir/ir.js'
import { type SizeNames, sizeInput } from '../open/name-sizes.js'
import type { BinaryOp, SourceExpr as Source } from '../syntax/ast.js'
import * as s from './build-syntax.js'
import type { PrintedSignature } from './printed-signature.js'

/** The names and types with which an expression is written. */
export interface ExprWriter {
  readonly nodes: ReadonlyMap<NodeId, Node>
  readonly sizes: SizeNames
  readonly signature: PrintedSignature
  readonly nodeName: (id: NodeId) => string
  readonly axisName: (a: Axis) => string
  /** Sub-expressions that have a name. */
  readonly known: ReadonlyMap<Expr, string>
  /** The reduction that an expression stands around, as a read of this node. */
  readonly reduction?: Source
}

/** The node that a reduction is read from by what stands around it. */
export const reductionNode: NodeId = -1

/** The language has no word for something in the graph. */
export class Unwritable extends Error {}

const infix: Partial<Record<PrimOp, BinaryOp>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  mod: '%',
  pow: '^',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  eq: '==',
  ne: '!=',
  and: 'and',
  or: 'or',
}
/** The built-in functions that primitives are written as. */
export const printedBuiltins: Partial<Record<PrimOp, string>> = {
  min: 'minimum',
  max: 'maximum',
  idiv: 'div',
  abs: 'abs',
  sign: 'sign',
  exp: 'exp',
  expm1: 'expm1',
  log: 'log',
  log1p: 'log1p',
  sqrt: 'sqrt',
  rsqrt: 'rsqrt',
  sin: 'sin',
  cos: 'cos',
  tan: 'tan',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  floor: 'floor',
  round: 'round',
  erf: 'erf',
  atan2: 'atan2',
}

/** A number of the graph as a size, or as itself. */
export const sizeAt = (w: Pick<ExprWriter, 'sizes'>, n: number): Size =>
  w.sizes.whole.get(n) ?? sizeConstant(n)

export const extentOf = (w: Pick<ExprWriter, 'sizes'>, axes: readonly Axis[]): Size =>
  productOfSizes(axes.map(a => sizeAt(w, a.extent)))

export const dimsOf = (w: ExprWriter, node: Node): readonly Size[] => {
  if (node.kind === 'compute') return node.dims.map(d => extentOf(w, d))
  if (node.kind === 'input') return w.signature.inputs.get(node.name)?.spec.dims ?? []
  return node.shape.map(n => sizeAt(w, n))
}

/** The bound below which a whole number lies by its type. */
const boundOf = (w: ExprWriter, e: Expr): Size | undefined => {
  if (e.op === 'index') return sizeAt(w, e.axis.extent)
  if (e.op !== 'read' || e.guarded) return undefined
  const node = w.nodes.get(e.node)
  if (node?.kind === 'input') return w.signature.inputs.get(node.name)?.spec.bound
  if (node?.kind !== 'compute') return undefined
  if (node.reduce?.op === 'argmax' || node.reduce?.op === 'argmin') return extentOf(w, node.reduce.axes)
  return node.reduce === undefined ? boundOf(w, node.body) : undefined
}

/**
 * An expression as an index of an axis of length `dim`; undefined where the language would ask for a guard.
 */
const indexOf = (w: ExprWriter, e: Expr, dim: Size): readonly Source[] | undefined => {
  if (e.op === 'const')
    return isPositiveSize(subtractSizes(dim, sizeConstant(e.value))) ? [s.whole(e.value)] : undefined
  const bound = boundOf(w, e)
  if (bound !== undefined && sameSize(bound, dim)) return [writeExpr(w, e)]
  const form = affineOfAnySize(e)
  for (const { atom: low, coefficient } of form.summands.values()) {
    const extent = coefficient === 1 ? boundOf(w, low) : undefined
    const high = extent === undefined ? undefined : divideSizes(dim, extent)
    if (high === undefined || asConstantSize(high) === 1) continue
    const radix = numberOf(w, extent!)
    if (radix === undefined) continue
    const { quotient, rest } = affineSplit(affineDifference(form, affineAtom(low)), radix)
    if (affineConstantOf(rest) !== 0) continue
    const digits = indexOf(w, orderedExpr(quotient), high)
    if (digits !== undefined) return [...digits, writeExpr(w, low)]
  }
  return undefined
}

/** The number in the graph that a size became. */
const numberOf = (w: ExprWriter, p: Size): number | undefined =>
  asConstantSize(p) ?? [...w.sizes.whole].find(([, q]) => sameSize(p, q))?.[0]

/** Whether an axis stands alone as an index somewhere, so that its range need not be written. */
export const isInferable = (w: ExprWriter, axis: Axis, bodies: readonly Expr[]): boolean =>
  postorder(...bodies).some(e => {
    if (e.op !== 'read' || e.guarded || e.node === reductionNode) return false
    const dims = dimsOf(w, w.nodes.get(e.node)!)
    const here = e.at.some(
      (p, i) => p.op === 'index' && p.axis.id === axis.id && sameSize(dims[i]!, sizeAt(w, axis.extent)),
    )
    return here && e.at.every((p, i) => indexOf(w, p, dims[i]!) !== undefined)
  })

const writeRead = (w: ExprWriter, e: Extract<Expr, { op: 'read' }>): Source => {
  if (e.node === reductionNode) return w.reduction!
  const node = w.nodes.get(e.node)!
  if (node.kind === 'input' && node.name.startsWith(sizeInput))
    return w.signature.size(sizeAt(w, Number(node.name.slice(sizeInput.length))))
  const source = node.kind === 'input' ? w.signature.inputs.get(node.name) : undefined
  if (node.kind === 'input' && source === undefined) throw new Unwritable(`the parts of \`${node.name}\``)
  const dims = dimsOf(w, node)
  const front = source?.spec.arrayAxes ?? 0
  const indices = e.guarded ? undefined : e.at.map((p, i) => indexOf(w, p, dims[i]!))
  const isIndex = (i: readonly Source[] | undefined): i is readonly Source[] => i !== undefined
  const index = (digits: readonly Source[]): Source => (digits.length === 1 ? digits[0]! : s.tuple(digits))
  if (indices?.every(isIndex)) {
    const at = indices.map(index)
    return s.indexed(source?.target(at.slice(0, front)) ?? s.variable(w.nodeName(e.node)), at.slice(front))
  }
  if (front > 0) throw new Unwritable('a guarded read of a record in an array')
  if (e.dtype !== 'f32' && e.dtype !== 'i32') throw new Unwritable(`a guarded read of ${e.dtype}`)
  const otherwise = s.whole(0)
  return s.guarded(
    source?.target([]) ?? s.variable(w.nodeName(e.node)),
    e.at.map(p => writeExpr(w, p)),
    otherwise,
  )
}

/**
 * Whether an expression is made of sizes and whole numbers only, which the language takes for any kind of
 * number.
 */
const isSize = (w: ExprWriter, e: Expr): boolean =>
  postorder(e).every(
    x =>
      x.op === 'const' ||
      (x.op === 'read' && isSizeRead(w.nodes, x)) ||
      (x.dtype === 'i32' && (x.op === 'add' || x.op === 'sub' || x.op === 'mul' || x.op === 'neg')),
  )

export const isSizeRead = (nodes: ReadonlyMap<NodeId, Node>, e: Expr): boolean => {
  const node = e.op === 'read' ? nodes.get(e.node) : undefined
  return node?.kind === 'input' && node.name.startsWith(sizeInput)
}

/** A constant; beside something that tells its type, a whole f32 needs no point. */
const writeConst = (w: ExprWriter, e: Extract<Expr, { op: 'const' }>, typed: boolean): Source => {
  if (e.dtype === 'bool') return s.truth(e.value !== 0)
  if (e.dtype === 'f32') {
    return typed && Number.isInteger(e.value) && Math.abs(e.value) < 1e6 && !Object.is(e.value, -0)
      ? s.whole(e.value)
      : s.real(e.value)
  }
  const size = w.sizes.whole.get(e.value)
  if (size !== undefined) return w.signature.size(size)
  return e.dtype === 'u32' ? s.call('u32', s.whole(e.value)) : s.whole(e.value)
}

/** The source of an expression. Throws `Unwritable`. */
export const writeExpr = (w: ExprWriter, e: Expr): Source => {
  const known = w.known.get(e)
  if (known !== undefined) return s.variable(known)
  if (e.op === 'const') return writeConst(w, e, false)
  if (e.op === 'index') return s.variable(w.axisName(e.axis))
  if (e.op === 'read') return writeRead(w, e)
  const { args } = e
  const beside = (i: number): Source => {
    const [own, other] = [args[i]!, args[1 - i]!]
    return own.op === 'const' ? writeConst(w, own, other.op !== 'const') : writeExpr(w, own)
  }
  const op = infix[e.op]
  if (op !== undefined) {
    if (e.op === 'pow' && e.dtype !== 'f32') throw new Unwritable('a power of whole numbers')
    return s.binary(op, beside(0), beside(1))
  }
  const name = printedBuiltins[e.op]
  if (name !== undefined)
    return s.call(name, ...(args.length === 2 ? [beside(0), beside(1)] : args.map(a => writeExpr(w, a))))
  switch (e.op) {
    case 'neg':
      return s.unary('-', writeExpr(w, args[0]!))
    case 'not':
      return s.unary('not', writeExpr(w, args[0]!))
    case 'stop':
      return s.call('stop', writeExpr(w, args[0]!))
    case 'select': {
      const [test, yes, no] = args as [Expr, Expr, Expr]
      const branch = (own: Expr, other: Expr): Source =>
        own.op === 'const' ? writeConst(w, own, other.op !== 'const') : writeExpr(w, own)
      return s.choice(writeExpr(w, test), branch(yes, no), branch(no, yes))
    }
    case 'cast': {
      const [from] = args as [Expr]
      if (e.dtype === 'bool') return s.binary('!=', writeExpr(w, from), s.whole(0))
      return e.dtype === 'f32' && isSize(w, from) ? writeExpr(w, from) : s.call(e.dtype, writeExpr(w, from))
    }
    default:
      throw new Unwritable(`\`${e.op}\``)
  }
}

/** The axes an expression depends on among those given. */
export const dependsOn = (e: Expr, axes: readonly Axis[]): boolean => {
  const used = axesOf(e)
  return axes.some(a => used.has(a.id))
}
