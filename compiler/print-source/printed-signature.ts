import type { CoreFn, CoreModule } from '../core/core.js'
import {
  divideSizes,
  multiplySizes,
  sizeName as named,
  type Size,
  sameSize,
  sizeNamesIn,
} from '../core/size.js'
import type { Type } from '../core/type.js'
import { type InputSpec, inputsOf, instantiateFields, isGiven } from '../specialise/parameters.js'
import type { ImportDecl, Param, SizeItem, SourceExpr, TypeExpr } from '../syntax/ast.js'
import * as s from './build-syntax.js'

/**
 * How an input of the graph is written: `w.layers[l].wq[h, d]` for the tensor `w.layers.wq` at `[l, h, d]`.
 */
export interface SourceInput {
  readonly spec: InputSpec
  /**
   * The text's part that reads it at these indices; they may be fewer than its axes where it is no array of
   * records.
   */
  readonly target: (front: readonly SourceExpr[]) => SourceExpr
}

/** The signature of a printed function, which it shares with the function it is derived from. */
export interface PrintedSignature {
  readonly params: readonly Param[]
  readonly inputs: ReadonlyMap<string, SourceInput>
  readonly typeExpr: (t: Type) => TypeExpr
  /** A size by the names that the module has for it: `H` for `G * K`. */
  readonly size: (p: Size) => SourceExpr
  /** The names of other modules and the sizes of this one that the printed text has used so far. */
  readonly imports: () => readonly ImportDecl[]
  readonly definitions: () => readonly SizeItem[]
}

/** `size G, K` and `size H = G * K`. */
const declared = (
  definitions: readonly { readonly name: string; readonly definition: Size }[],
): readonly SizeItem[] => {
  const plain = [...new Set(definitions.flatMap(d => sizeNamesIn(d.definition)))].sort()
  return [
    ...(plain.length === 0 ? [] : [{ kind: 'size' as const, names: plain.map(s.word), span: s.nowhere }]),
    ...definitions.map(d => ({
      kind: 'size' as const,
      names: [s.word(d.name)],
      definition: s.sizeExpr(d.definition),
      span: s.nowhere,
    })),
  ]
}

const recordId = (id: string): { readonly module: string; readonly name: string } => {
  const at = id.lastIndexOf('.')
  return { module: id.slice(0, at), name: id.slice(at + 1) }
}

/** The signature of a function as syntax, without parameters that the graph has no tensors of. */
export const printSignature = (fn: CoreFn, module: CoreModule | undefined): PrintedSignature => {
  const definitions = [...(module?.sizes.values() ?? [])].flatMap(d =>
    d.definition === undefined ? [] : [{ name: d.name, definition: d.definition }],
  )
  const usedDefinitions = new Set<string>()
  const usedRecords = new Map<string, Set<string>>()

  const size = (p: Size): SourceExpr => {
    for (const d of definitions) {
      const rest = [...d.definition.terms.keys()].some(m => m !== '')
        ? divideSizes(p, d.definition)
        : undefined
      if (rest === undefined || rest.terms.size !== 1) continue
      usedDefinitions.add(d.name)
      return size(sameSize(p, d.definition) ? named(d.name) : multiplySizes(rest, named(d.name)))
    }
    return s.sizeExpr(p)
  }

  const typeExpr = (t: Type): TypeExpr => {
    switch (t.kind) {
      case 'scalar':
        return s.namedType(t.dtype)
      case 'key':
        return s.namedType('key')
      case 'idx':
        return s.idxType(size(t.bound))
      case 'tensor':
      case 'array':
        return s.arrayType(typeExpr(t.element), t.dims.map(size))
      case 'tuple':
        return { kind: 'tuple', items: t.items.map(typeExpr), span: s.nowhere }
      case 'record': {
        const { module: from, name } = recordId(t.record.id)
        usedRecords.set(from, (usedRecords.get(from) ?? new Set()).add(name))
        const args = [...t.instance.sizes].filter(([n, p]) => !sameSize(p, named(n)))
        return s.namedType(
          name,
          args.map(([n, p]) => [n, size(p)] as const),
        )
      }
      default:
        throw new Error(`print-source: a ${t.kind} has no type expression`)
    }
  }

  const given = fn.params.filter(isGiven)
  return {
    params: given.map(p => ({ name: s.word(p.name), type: typeExpr(p.type), span: s.nowhere })),
    inputs: new Map(given.flatMap(p => sourceInputs(p.name, p.type)).map(i => [i.spec.name, i])),
    typeExpr,
    size,
    imports: () =>
      [...usedRecords].map(([from, names]) => ({
        segments: (from.startsWith('std.') ? from.split('.') : from.split('.').slice(-1)).map(s.word),
        names: [...names].sort().map(s.word),
        span: s.nowhere,
      })),
    definitions: () => declared(definitions.filter(d => usedDefinitions.has(d.name))),
  }
}

const sourceInputs = (name: string, type: Type): readonly SourceInput[] => {
  const specs = inputsOf(name, type)
  const targets: ((front: readonly SourceExpr[]) => SourceExpr)[] = []
  const go = (t: Type, axes: number, target: (front: readonly SourceExpr[]) => SourceExpr): void => {
    switch (t.kind) {
      case 'record':
        for (const f of t.record.fields)
          go(instantiateFields(f.type, t.instance), axes, at => s.field(target(at), f.name))
        return
      case 'array':
        go(t.element, axes + t.dims.length, at =>
          s.indexed(target(at.slice(0, axes)), at.slice(axes, axes + t.dims.length)),
        )
        return
      default:
        targets.push(target)
    }
  }
  go(type, 0, () => s.variable(name))
  return specs.flatMap((spec, i) => (targets[i] === undefined ? [] : [{ spec, target: targets[i]! }]))
}
