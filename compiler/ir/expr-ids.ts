import { ProgramLimit, programLimits } from '../diagnostics/limit.js'
import { childrenOf, postorder } from './expr.js'
import { ownText } from './intern.js'
import type { Axis, Expr } from './ir.js'

const tooManyOperations = (): ProgramLimit =>
  new ProgramLimit(
    'an expression is nested too deep',
    `one number is computed by more than ${programLimits.operations} operations inside one another`,
    'repeat with `fold`, or put a `for` around a part of it',
  )

/**
 * Numbers for expressions: two expressions have one number exactly if they are equal. Each distinct object
 * is looked at once, however many expressions it is part of. Throws a `ProgramLimit` for one that is nested
 * too deep.
 */
export class ExprIds {
  private readonly ids = new WeakMap<Expr, number>()
  private readonly byText = new Map<string, number>()
  private readonly depths: number[] = []
  private readonly places = new Map<string, Axis>()

  /** `fresh` makes an axis that nothing else has. */
  constructor(private readonly fresh: (extent: number) => Axis) {}

  of(root: Expr): number {
    const known = this.ids.get(root)
    if (known !== undefined) return known
    for (const e of postorder(root, x => this.ids.has(x))) {
      const text = `${e.op} ${e.dtype} ${ownText(e)}(${childrenOf(e).map(c => this.ids.get(c))})`
      const id = this.byText.get(text) ?? this.byText.size
      this.byText.set(text, id)
      this.ids.set(e, id)
      this.depths[id] ??= 1 + Math.max(0, ...childrenOf(e).map(c => this.depths[this.ids.get(c)!]!))
      if (this.depths[id] > programLimits.operations) throw tooManyOperations()
    }
    return this.ids.get(root)!
  }

  /**
   * The axis that stands for any axis at a place: with it, expressions that differ in the names of axes
   * alone are equal.
   */
  place(position: number, extent: number): Axis {
    const key = `${position} ${extent}`
    const axis = this.places.get(key) ?? this.fresh(extent)
    this.places.set(key, axis)
    return axis
  }
}
