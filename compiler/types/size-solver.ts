import type { Size } from '../core/size.js'
import {
  asConstantSize,
  divideSizes,
  isNaturalSize,
  isTooLarge,
  linearSizeIn,
  sameSize,
  scaleSize,
  sizeName,
  sizeNamesIn,
  substituteSizes,
  subtractSizes,
} from '../core/size.js'
import type { Span } from '../diagnostics/source.js'
import { isErrorSizeName, isUnknownSizeName } from './basic-types.js'

/** The place that fixed a size, and the words for it in a message. */
export interface Cause {
  readonly span: Span
  readonly text: string
}

/**
 * The meaning of an unknown size: the range of an index, an extent, or a size of a function or record in use.
 */
export interface UnknownSize {
  readonly kind: 'index' | 'extent' | 'instance'
  /** The name of the index or of the size. */
  readonly name: string
  /** The function or record that has the size. */
  readonly owner?: string
  /** Of an instance: how its user can tell it. */
  readonly hint?: string
  readonly span: Span
}

/** How two types or two sizes differ. */
export interface Mismatch {
  /** `undetermined`: more than one solution fits. */
  readonly kind: 'size' | 'type' | 'rank' | 'undetermined'
  /** For sizes: the two sizes before unknowns were replaced. */
  readonly sizes?: readonly [Size, Size]
  /** The position of the axis, where the sizes belong to the axes of a tensor. */
  readonly axis?: number
  /** The name of the record's size, where the sizes belong to records. */
  readonly size?: string
}

/** Two sizes that must be equal. `fail` is called when they cannot be, at once or when more is known. */
export interface SizeConstraint {
  readonly sides: readonly [Size, Size]
  readonly cause: Cause
  readonly fail: (m: Mismatch) => void
  /** Where in two types the sizes stand. */
  readonly where?: Pick<Mismatch, 'axis' | 'size'>
}

/** An unknown size with its solution and the place that fixed it. */
export interface SolvedSize {
  readonly about: UnknownSize
  readonly value: Size
  readonly cause?: Cause
}

interface Entry {
  readonly about: UnknownSize
  value?: Size
  cause?: Cause
}

interface DelayedCheck {
  readonly bound: Size
  readonly run: (bound: Size) => void
}

/**
 * Unification of sizes as polynomials, for one function body.
 *
 * An equation `a = b` is solved for an unknown in which `a - b` is linear, when the division by its
 * coefficient is exact: `?0 * K = G * K` gives `?0 = G`. An equation without such an unknown is postponed
 * until other equations have replaced enough of its unknowns. What is still open at the end of the body has
 * more than one solution.
 */
export class SizeSolver {
  private readonly entries = new Map<string, Entry>()
  private postponed: SizeConstraint[] = []
  private readonly checks: DelayedCheck[] = []
  /** Whether the two sides of some equation were too large to be compared. */
  exceededLimits = false

  /** A new unknown. */
  fresh(about: UnknownSize): Size {
    const id = `?${this.entries.size}`
    this.entries.set(id, { about })
    return sizeName(id)
  }

  /** The size with every solved unknown replaced. */
  resolve(size: Size): Size {
    return sizeNamesIn(size).some(n => this.entries.get(n)?.value !== undefined)
      ? this.resolve(substituteSizes(size, n => this.entries.get(n)?.value))
      : size
  }

  /** The places that fixed the unknowns which a size was written with, the nearest first. */
  causesOf(size: Size): readonly (SolvedSize & { readonly cause: Cause })[] {
    return sizeNamesIn(size).flatMap(n => {
      const entry = this.entries.get(n)
      if (entry?.value === undefined || entry.cause === undefined) return []
      return [{ about: entry.about, cause: entry.cause, value: entry.value }, ...this.causesOf(entry.value)]
    })
  }

  /** Calls `run` with the resolved size at the end of the body. */
  whenKnown(bound: Size, run: (bound: Size) => void): void {
    this.checks.push({ bound, run })
  }

  unify(equation: SizeConstraint): void {
    if (this.solve(equation)) this.solvePostponed()
  }

  /**
   * Solves an equation for one unknown, postpones it or reports it. Returns whether an unknown was solved.
   */
  private solve(equation: SizeConstraint): boolean {
    const [a, b] = equation.sides
    const difference = subtractSizes(this.resolve(a), this.resolve(b))
    const unknowns = sizeNamesIn(difference).filter(isUnknownSizeName)
    if (difference.terms.size === 0 || unknowns.some(isErrorSizeName)) return false
    if (isTooLarge(difference)) {
      this.exceededLimits = true
      return false
    }
    const refuse = (): false => {
      equation.fail({ kind: 'size', ...equation.where, sizes: [a, b] })
      return false
    }
    if (unknowns.length === 0) return refuse()
    for (const unknown of unknowns) {
      const linear = linearSizeIn(difference, unknown)
      if (linear === undefined) continue
      const { coefficient, rest } = linear
      const number = asConstantSize(coefficient)
      const others = [...sizeNamesIn(coefficient), ...sizeNamesIn(rest)].some(isUnknownSizeName)
      // With other unknowns around, whether a division is exact is not known yet.
      if (number !== 1 && number !== -1 && others) continue
      const value = divideSizes(scaleSize(rest, -1), coefficient)
      if (value === undefined) return refuse()
      const entry = this.entries.get(unknown)!
      entry.value = value
      entry.cause = equation.cause
      return true
    }
    this.postponed.push(equation)
    return false
  }

  private solvePostponed(): void {
    for (let progress = true; progress; ) {
      progress = false
      const waiting = this.postponed
      this.postponed = []
      for (const equation of waiting) if (this.solve(equation)) progress = true
    }
  }

  /**
   * Ends the body. `known` tells which size names the caller has. Returns the unknowns without a solution,
   * and the solutions that are negative for some values of the caller's sizes.
   */
  finish(known: (name: string) => boolean): {
    readonly unsolved: readonly UnknownSize[]
    readonly negative: readonly SolvedSize[]
  } {
    this.solvePostponed()
    this.assumeSameNames(known)
    this.solvePostponed()
    for (const { fail, where, sides } of this.postponed)
      fail({ kind: 'undetermined', ...where, sizes: sides })
    for (const check of this.checks) check.run(this.resolve(check.bound))
    const entries = [...this.entries.values()]
    return {
      unsolved: entries.filter(e => e.value === undefined).map(e => e.about),
      negative: entries.flatMap(e => this.negativeSolution(e)),
    }
  }

  /**
   * An unknown size of a function in use that nothing else fixes is taken to be the caller's size of the same
   * name, when that makes a postponed equation true.
   */
  private assumeSameNames(known: (name: string) => boolean): void {
    const namesOf = (equation: SizeConstraint): readonly string[] =>
      equation.sides.flatMap(side => sizeNamesIn(this.resolve(side)))
    const assumed = new Map<string, Size>()
    for (const equation of this.postponed)
      for (const n of namesOf(equation)) {
        const about = this.entries.get(n)?.about
        if (about?.kind === 'instance' && known(about.name)) assumed.set(n, sizeName(about.name))
      }
    for (const equation of this.postponed) {
      const [a, b] = equation.sides.map(side => substituteSizes(this.resolve(side), n => assumed.get(n)))
      if (!sameSize(a!, b!)) continue
      for (const n of namesOf(equation)) {
        const value = assumed.get(n)
        const entry = this.entries.get(n)
        if (value === undefined || entry === undefined || entry.value !== undefined) continue
        entry.value = value
        entry.cause = equation.cause
      }
    }
  }

  private negativeSolution({ about, value, cause }: Entry): readonly SolvedSize[] {
    const found = value && this.resolve(value)
    return found === undefined || isNaturalSize(found) || sizeNamesIn(found).some(isUnknownSizeName)
      ? []
      : [{ about, value: found, ...(cause !== undefined && { cause }) }]
  }
}
