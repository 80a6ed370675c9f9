import type { Size } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import { errorSize, errorType, isError, typeF32 } from './basic-types.js'
import { type Cause, type Mismatch, SizeSolver } from './size-solver.js'
import { fieldTypes, mapType } from './type-traversal.js'

/** Which types a type variable may stand for. */
export type VariableKind =
  | 'any'
  /** The type of an integer literal: `f32`, `i32` or `u32`, by default `i32`. */
  | 'number'
  /** A `type P`: made of `f32` alone. */
  | 'tree'

interface Variable {
  readonly kind: VariableKind
  readonly span: Span
  value?: Type
}

/** Why two types must be equal, and who is told that they are not. */
interface Unification {
  readonly cause: Cause
  readonly fail: (m: Mismatch) => void
}

type OfKind<K extends Type['kind']> = Extract<Type, { kind: K }>

/**
 * First-order unification of types (Robinson, "A machine-oriented logic based on the resolution principle",
 * 1965) for one function body. Sizes inside the types go to the {@link SizeSolver}, which may answer later.
 */
export class TypeSolver {
  readonly sizes = new SizeSolver()
  private readonly variables = new Map<number, Variable>()

  freshType(kind: VariableKind, span: Span): Type {
    const id = this.variables.size
    this.variables.set(id, { kind, span })
    return { kind: 'var', id }
  }

  /** The type with its variable followed to what it stands for; the parts of the type stay as they are. */
  head(t: Type): Type {
    if (t.kind !== 'var') return t
    const value = this.variables.get(t.id)?.value
    return value === undefined ? t : this.head(value)
  }

  /** The type with every solved variable and size replaced. */
  resolve(t: Type): Type {
    return mapType(
      this.head(t),
      size => this.sizes.resolve(size),
      leaf => {
        const known = this.head(leaf)
        return known === leaf ? leaf : this.resolve(known)
      },
    )
  }

  /** Whether a type is that of an integer literal which nothing has fixed yet. */
  isNumber(t: Type): boolean {
    const h = this.head(t)
    return h.kind === 'var' && this.variables.get(h.id)?.kind === 'number'
  }

  /** Whether nothing is known of a type yet. */
  isOpen(t: Type): boolean {
    const h = this.head(t)
    return h.kind === 'var' && !isError(h) && this.variables.get(h.id)?.kind !== 'number'
  }

  /** Whether nothing in a type is open, apart from sizes and the kinds of numbers. */
  isKnown(t: Type): boolean {
    return !this.someLeaf(t, leaf => this.isOpen(leaf))
  }

  /** How an open type is named in messages. */
  nameOpen(t: Type): string {
    const h = this.head(t)
    const kind = h.kind === 'var' ? this.variables.get(h.id)?.kind : undefined
    return kind === 'number' ? 'a whole number' : kind === 'tree' ? 'a record or tensor of f32' : '_'
  }

  /**
   * Makes two types equal. Returns false, and calls `fail`, when they cannot be. Sizes that differ are
   * reported by `fail` too, now or when they are known, and do not change the result.
   */
  unify(a: Type, b: Type, cause: Cause, fail: (m: Mismatch) => void): boolean {
    return this.unifyWith(a, b, { cause, fail })
  }

  private unifyWith(a: Type, b: Type, how: Unification): boolean {
    const x = this.head(a)
    const y = this.head(b)
    if (isError(x) || isError(y) || x === y) return true
    if (x.kind === 'var') return this.bind(x.id, y) || refuse(how, 'type')
    if (y.kind === 'var') return this.bind(y.id, x) || refuse(how, 'type')
    if (hasFields(x) && hasFields(y) && (x.kind === 'fields' || y.kind === 'fields'))
      return this.unifyFields(x, y, how)
    if (x.kind !== y.kind) return refuse(how, 'type')
    return this.unifyParts(x, y, how)
  }

  /** Two types of one kind, part by part. */
  private unifyParts(x: Type, y: Type, how: Unification): boolean {
    switch (x.kind) {
      case 'scalar':
        return x.dtype === (y as typeof x).dtype || refuse(how, 'type')
      case 'idx':
        this.sizes.unify({ sides: [x.bound, (y as typeof x).bound], ...how })
        return true
      case 'tensor':
      case 'array':
        return this.unifyArrays(x, y as typeof x, how)
      case 'record':
        return this.unifyRecords(x, y as typeof x, how)
      case 'fields':
        return this.unifyFields(x, y as typeof x, how)
      case 'tuple':
        return this.unifyLists(x.items, (y as typeof x).items, how)
      case 'fn': {
        const other = y as typeof x
        return this.unifyLists(x.params, other.params, how) && this.unifyWith(x.result, other.result, how)
      }
      case 'per':
        return this.unifyWith(x.of, (y as typeof x).of, how)
      case 'param':
        return x.name === (y as typeof x).name || refuse(how, 'type')
      case 'choice':
        return x.names.join() === (y as typeof x).names.join() || refuse(how, 'type')
      case 'key':
        return true
      case 'var':
        return this.unifyWith(x, y, how)
    }
  }

  private unifyArrays<T extends OfKind<'tensor' | 'array'>>(x: T, y: T, how: Unification): boolean {
    if (x.dims.length !== y.dims.length) return refuse(how, 'rank')
    if (!this.unifyWith(x.element, y.element, how)) return false
    for (const [axis, dim] of x.dims.entries())
      this.sizes.unify({ sides: [dim, y.dims[axis]!], where: { axis }, ...how })
    return true
  }

  private unifyRecords(x: OfKind<'record'>, y: OfKind<'record'>, how: Unification): boolean {
    if (x.record.id !== y.record.id) return refuse(how, 'type')
    const sizeOf = (name: string): Size => y.instance.sizes.get(name) ?? errorSize
    for (const [size, value] of x.instance.sizes)
      this.sizes.unify({ sides: [value, sizeOf(size)], where: { size }, ...how })
    return [...x.instance.types].every(([n, t]) =>
      this.unifyWith(t, y.instance.types.get(n) ?? errorType, how),
    )
  }

  /** Records of which at least one has no name: they need the same fields. */
  private unifyFields(a: Type, b: Type, how: Unification): boolean {
    const x = fieldTypes(a)
    const y = fieldTypes(b)
    if (x.size !== y.size || [...x.keys()].some(n => !y.has(n))) return refuse(how, 'type')
    return [...x].every(([n, t]) => this.unifyWith(t, y.get(n)!, how))
  }

  private unifyLists(x: readonly Type[], y: readonly Type[], how: Unification): boolean {
    if (x.length !== y.length) return refuse(how, 'type')
    return x.every((t, i) => this.unifyWith(t, y[i]!, how))
  }

  /** Lets a variable stand for a type; false when it may not. */
  private bind(id: number, to: Type): boolean {
    const entry = this.variables.get(id)
    if (entry === undefined) return true
    if (to.kind === 'var') {
      const other = this.variables.get(to.id)
      if (other === undefined || to.id === id) return true
      // The variable of the narrower kind remains.
      if (entry.kind === 'number' || other.kind === 'any') other.value = { kind: 'var', id }
      else entry.value = to
      return true
    }
    if (entry.kind === 'number' && !(to.kind === 'scalar' && to.dtype !== 'bool')) return false
    if (entry.kind === 'tree' && !this.isTree(to)) return false
    if (this.occursIn(id, to)) return false
    entry.value = to
    return true
  }

  /** The occurs check: a type that contained itself would be infinite. */
  private occursIn(id: number, t: Type): boolean {
    return this.someLeaf(t, leaf => leaf.kind === 'var' && leaf.id === id)
  }

  private someLeaf(t: Type, holds: (leaf: Type) => boolean): boolean {
    let found = false
    mapType(
      this.resolve(t),
      size => size,
      leaf => {
        if (holds(leaf)) found = true
        return leaf
      },
    )
    return found
  }

  /**
   * Whether a type is made of `f32` alone. `type P` stands for such types, and `grad` differentiates with
   * respect to them. An integer literal's type becomes `f32`.
   */
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
        return isError(h) || this.bind(h.id, this.isNumber(h) ? typeF32 : h)
      default:
        return false
    }
  }

  /** The variables that nothing has fixed, with the places of their expressions. */
  untyped(): readonly { readonly kind: VariableKind; readonly span: Span }[] {
    return [...this.variables.values()].filter(v => v.value === undefined && v.kind !== 'number')
  }
}

const hasFields = (t: Type): boolean => t.kind === 'record' || t.kind === 'fields'

const refuse = ({ fail }: Unification, kind: Mismatch['kind']): false => {
  fail({ kind })
  return false
}
