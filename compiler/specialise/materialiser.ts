import type { DType } from '../artifact.js'
import type { Builder } from '../ir/builder.js'
import { axesOf, index, read } from '../ir/expr.js'
import type { Axis, AxisId, Expr, NodeId, ReduceOp, Region, RegionId } from '../ir/ir.js'
import { abstract } from './abstract.js'
import { dimensionsOf } from './fresh-axes.js'
import type { Here, Scope } from './scope.js'
import { asTensor, type CoreValue, scalar, type TensorValue } from './value.js'

/** A reduction of `body` over `axes`, for the reader at `scope`. */
export interface ReductionSpec {
  readonly scope: Scope
  readonly here: Here
  readonly op: ReduceOp
  readonly axes: readonly Axis[]
  readonly body: Expr
}

/**
 * Makes nodes. The law of the language's `let` and `for`: a node ranges over the surrounding index
 * variables that its body uses, and over no others, so what does not depend on a loop stands outside it.
 */
export class Materialiser {
  constructor(readonly builder: Builder) {}

  private path(region: RegionId | undefined): readonly Region[] {
    return this.builder.enclosing(region)
  }

  /** The innermost of the scope's loops whose index is among `used`. */
  private regionOf(scope: Scope, used: ReadonlySet<AxisId>): RegionId | undefined {
    for (const r of [...this.path(scope.region)].reverse()) if (used.has(r.axis.id)) return r.id
    return undefined
  }

  /**
   * A node for `body` over the scope's axes it uses, then `own`. Returns its number and the axes in front
   * of the own ones, by which it is read. `over` adds axes whether used or not; `region` forces the loop it
   * belongs to.
   */
  node(spec: {
    readonly scope: Scope
    readonly own: readonly (readonly Axis[])[]
    readonly body: Expr
    readonly reduce?: { readonly op: ReduceOp; readonly axes: readonly Axis[] }
    readonly dtype?: DType
    readonly over?: readonly Axis[]
    readonly region?: RegionId
    readonly unique?: true
    readonly here: Here
  }): { readonly id: NodeId; readonly front: readonly Axis[]; readonly dtype: DType } {
    const used = new Set([...axesOf(spec.body).keys(), ...(spec.over ?? []).map(a => a.id)])
    const region = spec.region ?? this.regionOf(spec.scope, used)
    const loops = this.path(region).map(r => r.axis)
    const sequential = new Set(this.path(spec.scope.region).map(r => r.axis.id))
    const front = [...loops, ...spec.scope.axes.filter(a => used.has(a.id) && !sequential.has(a.id))]
    const dtype = spec.dtype ?? spec.body.dtype
    const id = this.builder.compute({
      dtype,
      dims: [...dimensionsOf(front), ...spec.own],
      ...(spec.reduce ? { reduce: spec.reduce } : {}),
      body: spec.body,
      ...(region === undefined ? {} : { region }),
      ...(spec.unique && { unique: spec.unique }),
      origin: { label: spec.here.label, span: spec.here.span },
    })
    return { id, front, dtype }
  }

  /** A reduction's value in the scope. */
  reduce(spec: ReductionSpec): CoreValue {
    const { scope, here, op, axes, body } = spec
    const dtype = op === 'argmax' || op === 'argmin' ? 'i32' : body.dtype
    const made = this.node({ scope, own: [], body, reduce: { op, axes }, dtype, here })
    return scalar(read(made.id, dtype, made.front.map(index)))
  }

  /** The result of `for` with a scalar body over `own` (each a product of axes). */
  comprehension(scope: Scope, here: Here, own: readonly (readonly Axis[])[], body: Expr): TensorValue {
    const shape = own.map(g => g.reduce((n, a) => n * a.extent, 1))
    if (isTrivial(body)) return asTensor(abstract(scalar(body), own))
    const made = this.node({ scope, own, body, here })
    return {
      kind: 'tensor',
      dtype: made.dtype,
      shape,
      at: position => read(made.id, made.dtype, [...made.front.map(index), ...position]),
    }
  }
}

/** A constant, an index, or a read at positions that need no work: nothing to be saved by a node. */
const isTrivial = (e: Expr): boolean =>
  e.op === 'const' || e.op === 'index' || (e.op === 'read' && !e.guarded && e.at.every(isIndexArithmetic))

const isIndexArithmetic = (e: Expr): boolean =>
  e.op === 'const' ||
  e.op === 'index' ||
  ((e.op === 'add' || e.op === 'mul' || e.op === 'sub') && e.args.every(isIndexArithmetic))
