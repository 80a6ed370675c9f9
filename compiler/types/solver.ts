import type { Size } from '../core/size.js'
import {
  divideSizes,
  isNaturalSize,
  isTooLarge,
  linearSizeIn,
  sameSize,
  scaleSize,
  sizeAsNumber,
  sizeName,
  sizeNamesIn,
  substituteSizes,
  subtractSizes,
} from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import { fieldTypes, mapType } from './type-traversal.js'

/** Why a size got the value it has: the place that fixed it. */
export interface Cause {
  readonly span: Span
  readonly text: string
}

/** What an unknown size stands for: an index's range, or a size of a function or record that is being used. */
export interface Unknown {
  readonly kind: 'index' | 'extent' | 'instance'
  /** The index's or the size's name. */
  readonly name: string
  /** The function or record whose size it is. */
  readonly owner?: string
  readonly span: Span
}

/** `number` is an integer literal's type: `f32`, `i32` or `u32`, by default `i32`. `tree` is what `type P` may be. */
export type VarKind = 'any' | 'number' | 'tree'

export interface Mismatch {
  readonly kind: 'size' | 'type' | 'rank' | 'undetermined'
  /** For sizes: as they were before unknowns were filled in. */
  readonly sizes?: readonly [Size, Size]
  /** The position of the axis, where the sizes are axes of a tensor. */
  readonly axis?: number
  /** The record's size name, where they are sizes of records. */
  readonly size?: string
}

interface Deferred {
  readonly sides: readonly [Size, Size]
  readonly cause: Cause
  readonly fail: (m: Mismatch) => void
  readonly where: Partial<Mismatch>
}

interface Check {
  readonly bound: Size
  readonly run: (bound: Size) => void
}

/** An unknown size, what it was found to be, and the place that fixed it. */
export interface Solved {
  readonly about: Unknown
  readonly value: Size
  readonly cause?: Cause
}

export const errorType: Type = { kind: 'var', id: -1 }
const ERROR_SIZE = '?error'
/** Equal to every size: what an expression in error has. */
export const errorSize: Size = sizeName(ERROR_SIZE)
export const isError = (t: Type): boolean => t.kind === 'var' && t.id === -1
export const typeF32: Type = { kind: 'scalar', dtype: 'f32' }
export const typeI32: Type = { kind: 'scalar', dtype: 'i32' }
export const typeU32: Type = { kind: 'scalar', dtype: 'u32' }
export const typeBool: Type = { kind: 'scalar', dtype: 'bool' }

const isUnknown = (n: string): boolean => n.startsWith('?')

/**
 * The unknown sizes and types of one function body and what is known about them. Sizes are unified as polynomials; what
 * is not linear in one unknown waits until other equations have made it so, at the latest until `finish`.
 */
export class Solver {
  private readonly sizes = new Map<string, { readonly about: Unknown; value?: Size; cause?: Cause }>()
  private readonly vars = new Map<number, { readonly kind: VarKind; readonly span: Span; value?: Type }>()
  private deferred: Deferred[] = []
  private readonly checks: Check[] = []
  /** Whether a size that was to be compared is too large for that. */
  passedLimits = false

  freshSize(about: Unknown): Size {
    const id = `?${this.sizes.size}`
    this.sizes.set(id, { about })
    return sizeName(id)
  }

  freshType(kind: VarKind, span: Span): Type {
    const id = this.vars.size
    this.vars.set(id, { kind, span })
    return { kind: 'var', id }
  }

  /** With everything known filled in. */
  size(p: Size): Size {
    return sizeNamesIn(p).some(n => this.sizes.get(n)?.value !== undefined)
      ? this.size(substituteSizes(p, n => this.sizes.get(n)?.value))
      : p
  }

  /** The type itself, not its parts, with everything known filled in. */
  head(t: Type): Type {
    if (t.kind !== 'var') return t
    const value = this.vars.get(t.id)?.value
    return value === undefined ? t : this.head(value)
  }

  type(t: Type): Type {
    return mapType(
      this.head(t),
      p => this.size(p),
      leaf => {
        const known = this.head(leaf)
        return known === leaf ? leaf : this.type(known)
      },
    )
  }

  isNumber(t: Type): boolean {
    const h = this.head(t)
    return h.kind === 'var' && this.vars.get(h.id)?.kind === 'number'
  }

  isOpen(t: Type): boolean {
    const h = this.head(t)
    return h.kind === 'var' && h.id !== -1 && this.vars.get(h.id)?.kind !== 'number'
  }

  /** Whether nothing in a type is open but sizes and kinds of numbers. */
  isKnown(t: Type): boolean {
    let known = true
    mapType(
      this.type(t),
      p => p,
      leaf => {
        if (this.isOpen(leaf)) known = false
        return leaf
      },
    )
    return known
  }

  /** How an open type is named in messages. */
  nameOpen(t: Type): string {
    const h = this.head(t)
    const kind = h.kind === 'var' ? this.vars.get(h.id)?.kind : undefined
    return kind === 'number' ? 'a whole number' : kind === 'tree' ? 'a record or tensor of f32' : '_'
  }

  /** The places that fixed the unknowns a size was written with, the nearest first. */
  causes(p: Size): readonly { readonly about: Unknown; readonly cause: Cause; readonly value: Size }[] {
    return sizeNamesIn(p).flatMap(n => {
      const entry = this.sizes.get(n)
      if (entry?.value === undefined || entry.cause === undefined) return []
      return [{ about: entry.about, cause: entry.cause, value: entry.value }, ...this.causes(entry.value)]
    })
  }

  /** Runs once everything is known, or at the end of the function. */
  later(bound: Size, run: (bound: Size) => void): void {
    this.checks.push({ bound, run })
  }

  unifySizes(
    a: Size,
    b: Size,
    cause: Cause,
    fail: (m: Mismatch) => void,
    where: Partial<Mismatch> = {},
  ): void {
    if (this.trySizes({ sides: [a, b], cause, fail, where })) this.settle()
  }

  /** Whether an unknown was solved. */
  private trySizes(equation: Deferred): boolean {
    const [a, b] = equation.sides
    const rest = subtractSizes(this.size(a), this.size(b))
    const unknown = sizeNamesIn(rest).filter(isUnknown)
    if (rest.terms.size === 0 || unknown.includes(ERROR_SIZE)) return false
    if (isTooLarge(rest)) {
      this.passedLimits = true
      return false
    }
    if (unknown.length === 0) {
      equation.fail({ kind: 'size', ...equation.where, sizes: [a, b] })
      return false
    }
    for (const u of unknown) {
      const parts = linearSizeIn(rest, u)
      if (parts === undefined) continue
      const c = sizeAsNumber(parts.coefficient)
      const others = [...sizeNamesIn(parts.coefficient), ...sizeNamesIn(parts.rest)].some(isUnknown)
      if (c !== 1 && c !== -1 && others) continue
      const value = divideSizes(scaleSize(parts.rest, -1), parts.coefficient)
      if (value === undefined) {
        equation.fail({ kind: 'size', ...equation.where, sizes: [a, b] })
        return false
      }
      const entry = this.sizes.get(u)!
      entry.value = value
      entry.cause = equation.cause
      return true
    }
    this.deferred.push(equation)
    return false
  }

  private settle(): void {
    for (let progress = true; progress; ) {
      progress = false
      const waiting = this.deferred
      this.deferred = []
      for (const equation of waiting) if (this.trySizes(equation)) progress = true
    }
  }

  /** Makes the types equal; `fail` hears of what cannot be, now or, for sizes, when it is known. */
  unify(a: Type, b: Type, cause: Cause, fail: (m: Mismatch) => void): boolean {
    const x = this.head(a)
    const y = this.head(b)
    if (isError(x) || isError(y) || x === y) return true
    const refuse = (m: Mismatch): false => {
      fail(m)
      return false
    }
    if (x.kind === 'var') return this.bind(x.id, y) || refuse({ kind: 'type' })
    if (y.kind === 'var') return this.bind(y.id, x) || refuse({ kind: 'type' })
    if (x.kind === 'record' && y.kind === 'fields') return this.unifyFields(x, y, cause, fail)
    if (x.kind === 'fields' && y.kind === 'record') return this.unifyFields(x, y, cause, fail)
    if (x.kind !== y.kind) return refuse({ kind: 'type' })
    switch (x.kind) {
      case 'scalar':
        return x.dtype === (y as typeof x).dtype || refuse({ kind: 'type' })
      case 'idx':
        this.unifySizes(x.bound, (y as typeof x).bound, cause, fail)
        return true
      case 'tensor':
      case 'array': {
        const other = y as typeof x
        if (x.dims.length !== other.dims.length) return refuse({ kind: 'rank' })
        if (!this.unify(x.element, other.element, cause, fail)) return false
        for (const [axis, d] of x.dims.entries()) this.unifySizes(d, other.dims[axis]!, cause, fail, { axis })
        return true
      }
      case 'record': {
        const other = y as typeof x
        if (x.record.id !== other.record.id) return refuse({ kind: 'type' })
        for (const [size, p] of x.instance.sizes)
          this.unifySizes(p, other.instance.sizes.get(size) ?? errorSize, cause, fail, { size })
        return [...x.instance.types].every(([n, t]) =>
          this.unify(t, other.instance.types.get(n) ?? errorType, cause, fail),
        )
      }
      case 'fields':
        return this.unifyFields(x, y, cause, fail)
      case 'tuple': {
        const other = y as typeof x
        if (x.items.length !== other.items.length) return refuse({ kind: 'type' })
        return x.items.every((t, i) => this.unify(t, other.items[i]!, cause, fail))
      }
      case 'fn': {
        const other = y as typeof x
        if (x.params.length !== other.params.length) return refuse({ kind: 'type' })
        const params = x.params.every((t, i) => this.unify(t, other.params[i]!, cause, fail))
        return params && this.unify(x.result, other.result, cause, fail)
      }
      case 'per':
        return this.unify(x.of, (y as typeof x).of, cause, fail)
      case 'param':
        return x.name === (y as typeof x).name || refuse({ kind: 'type' })
      case 'choice':
        return x.names.join() === (y as typeof x).names.join() || refuse({ kind: 'type' })
      case 'key':
        return true
    }
  }

  private unifyFields(a: Type, b: Type, cause: Cause, fail: (m: Mismatch) => void): boolean {
    const x = fieldTypes(a)
    const y = fieldTypes(b)
    if (x.size !== y.size || [...x.keys()].some(n => !y.has(n))) {
      fail({ kind: 'type' })
      return false
    }
    return [...x].every(([n, t]) => this.unify(t, y.get(n)!, cause, fail))
  }

  private bind(id: number, to: Type): boolean {
    const entry = this.vars.get(id)
    if (entry === undefined) return true
    if (to.kind === 'var') {
      const other = this.vars.get(to.id)
      if (other === undefined || to.id === id) return true
      if (entry.kind === 'number' || other.kind === 'any') other.value = { kind: 'var', id }
      else entry.value = to
      return true
    }
    if (entry.kind === 'number' && !(to.kind === 'scalar' && to.dtype !== 'bool')) return false
    if (entry.kind === 'tree' && !this.isTree(to)) return false
    if (this.mentions(to, id)) return false
    entry.value = to
    return true
  }

  private mentions(t: Type, id: number): boolean {
    let found = false
    mapType(
      this.type(t),
      p => p,
      leaf => {
        if (leaf.kind === 'var' && leaf.id === id) found = true
        return leaf
      },
    )
    return found
  }

  /** Whether a type is made of `f32` alone: what `type P` may stand for and `grad` may be taken with respect to. */
  isTree(t: Type): boolean {
    const h = this.head(t)
    switch (h.kind) {
      case 'scalar':
        return h.dtype === 'f32'
      case 'tensor':
      case 'array':
        return this.isTree(h.element)
      case 'record':
      case 'fields':
        return [...fieldTypes(h).values()].every(f => this.isTree(f))
      case 'tuple':
        return h.items.every(item => this.isTree(item))
      case 'param':
        return true
      case 'var':
        return h.id === -1 || this.bind(h.id, this.isNumber(h) ? typeF32 : h)
      default:
        return false
    }
  }

  /**
   * Ends the function. An unknown size of a function in use that nothing else fixes is the caller's size of the same
   * name when that makes every waiting equation true. Gives the sizes that nothing tells, and those that may be negative.
   */
  finish(known: (name: string) => boolean): {
    readonly unsolved: readonly Unknown[]
    readonly negative: readonly Solved[]
  } {
    this.settle()
    const byName = new Map<string, Size>()
    for (const equation of this.deferred)
      for (const n of equation.sides.flatMap(p => sizeNamesIn(this.size(p)))) {
        const about = this.sizes.get(n)?.about
        if (about?.kind === 'instance' && known(about.name)) byName.set(n, sizeName(about.name))
      }
    for (const equation of [...this.deferred]) {
      const [a, b] = equation.sides.map(p => substituteSizes(this.size(p), n => byName.get(n))) as [
        Size,
        Size,
      ]
      if (!sameSize(a, b)) continue
      for (const n of equation.sides.flatMap(p => sizeNamesIn(this.size(p)))) {
        const value = byName.get(n)
        const entry = this.sizes.get(n)
        if (value !== undefined && entry !== undefined && entry.value === undefined) {
          entry.value = value
          entry.cause = equation.cause
        }
      }
    }
    this.settle()
    for (const equation of this.deferred)
      equation.fail({ kind: 'undetermined', ...equation.where, sizes: equation.sides })
    for (const check of this.checks) check.run(this.size(check.bound))
    const entries = [...this.sizes.values()]
    const unsolved = entries.filter(e => e.value === undefined).map(e => e.about)
    const negative = entries.flatMap(({ about, value, cause }): readonly Solved[] => {
      const found = value && this.size(value)
      return found === undefined || isNaturalSize(found) || sizeNamesIn(found).some(isUnknown)
        ? []
        : [{ about, value: found, ...(cause !== undefined && { cause }) }]
    })
    return { unsolved, negative }
  }

  /** The places of expressions whose type nothing tells. */
  untyped(): readonly { readonly kind: VarKind; readonly span: Span }[] {
    return [...this.vars.values()].filter(v => v.value === undefined && v.kind !== 'number')
  }
}
