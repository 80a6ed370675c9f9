/**
 * Writes all reads and writes of storage buffers. It decides how a buffer is declared (scalars or vectors),
 * counts addresses from the part that is bound, finds the window of an address, and unpacks packed elements.
 * No other file knows of these.
 */
import { type Affine, affineAxis, affineScale, coefficientOf, restDependsOn } from '../affine/affine.js'
import { affineExpr } from '../affine/affine-expr.js'
import { affineAdd } from '../affine/affine-of.js'
import type { DType } from '../artifact.js'
import { isBlockPacking } from '../ir/block-packing.js'
import { axesOf } from '../ir/expr.js'
import type { AxisId, Expr } from '../ir/ir.js'
import type { Storage } from '../kernel/placement.js'
import { type Block, quarterAxis, type TextValue, vectorComponents, vectorType } from './block.js'
import { type BindingBase, countWindows } from './slices.js'
import { isPacked, packedElement, unpackers, unpackFour, unpackOne } from './unpack.js'
import { blockFunctions, fourName, oneName, splitBytes } from './unpack-blocks.js'
import { type BufferWindows, declarationsOf, functionsOf, loadName, storeName } from './windows.js'

/** A buffer that the kernel binds. */
export interface Binding {
  readonly storage: Storage
  readonly index: number
  mode: 'read' | 'read_write'
}

/** The WGSL type of an element in a buffer. WGSL does not allow bool there. */
const stored = (dtype: DType): string => (dtype === 'bool' ? 'u32' : dtype)

/** Bytes of the types that buffers are arrays of. */
const bytesOfElement: Readonly<Record<string, number>> = {
  ...{ f32: 4, i32: 4, u32: 4, 'vec2<u32>': 8 },
  ...{ 'vec4<f32>': 16, 'vec4<i32>': 16, 'vec4<u32>': 16 },
}

/**
 * The four elements from index `at` on, cut out of two vectors: the one that holds the first element, and the
 * next.
 */
const straddling = `fn straddling(a: vec4f, b: vec4f, at: i32) -> vec4f {
  let odd = (at & 1) != 0;
  let x = select(a, vec4f(a.yzw, b.x), odd);
  let y = select(b.xy, b.yz, odd);
  return select(x, vec4f(x.zw, y), (at & 2) != 0);
}`

/** The writer of expressions, as far as buffers need it: texts of positions and values. */
interface Expressions {
  readonly functions: Map<string, string>
  readonly intern: (e: Expr) => Expr
  emit(e: Expr, block: Block): TextValue
  position(axis: AxisId, block: Block): TextValue
  widen(v: TextValue): TextValue
  name(block: Block, value: Omit<TextValue, 'atom'>, prefix?: string): TextValue
  nameIndex(block: Block, text: string, prefix?: string): TextValue
}

/** The facts about a kernel's buffers that decide how they are declared. */
export interface BufferFacts {
  readonly storages: readonly Storage[]
  /** The buffers that an earlier attempt accessed one element at a time. */
  readonly scalars: ReadonlySet<number>
  /** The start of each buffer that is bound in part, or in several bindings (see `slices.ts`). */
  readonly bases: ReadonlyMap<number, BindingBase>
  readonly software: boolean
}

/** The memory that a value is stored in. */
export interface StoreTarget {
  readonly storage: number
  readonly address: Affine
  /** The bound of the vector axis: of four neighbours, only those below it are stored. */
  readonly limit?: string | undefined
}

/**
 * A kernel's buffers, bound in the order in which they are first accessed. A buffer is declared as vectors if
 * all of its accesses are four aligned neighbours. `scalars` lists those that an earlier attempt found not to
 * be (see `writeKernel`).
 */
export class BufferAccess {
  readonly bindings: Binding[] = []
  /** Buffers accessed here that must be declared as scalars. */
  readonly scalarsFound = new Set<number>()
  private readonly storages: BufferFacts['storages']
  private readonly scalars: BufferFacts['scalars']
  private readonly bases: BufferFacts['bases']
  private readonly software: boolean

  constructor(
    { storages, scalars, bases, software }: BufferFacts,
    private readonly w: Expressions,
  ) {
    this.storages = storages
    this.scalars = scalars
    this.bases = bases
    this.software = software
  }

  private bindingOf(storage: number, mode: 'read' | 'read_write'): Binding {
    let b = this.bindings.find(x => x.storage.id === storage)
    if (b === undefined) {
      b = { storage: this.storages[storage]!, index: this.bindings.length, mode }
      this.bindings.push(b)
    }
    if (mode === 'read_write') b.mode = mode
    return b
  }

  /** A placeholder for a buffer's name until the kernel is assembled. */
  nameOf(storage: number, mode: 'read' | 'read_write' = 'read'): string {
    return `§${this.bindingOf(storage, mode).index}§`
  }

  private isVector(storage: number): boolean {
    return !this.scalars.has(storage) && !this.scalarsFound.has(storage)
  }

  /** An address counted from the start of the bound part. */
  private within(storage: number, a: Affine): Affine {
    const base = this.bases.get(storage)
    return base === undefined ? a : affineAdd(a, affineScale(base.before, -1))
  }

  /** An address with `4 · quarter` in place of the block's vector axis. */
  private atQuarter(a: Affine, axis: AxisId, quarter: AxisId): Affine {
    const coefficient = coefficientOf(a, axis)
    const without = affineAdd(a, affineScale(affineAxis(a.terms.get(axis)!.axis, 1), -coefficient))
    return affineAdd(without, affineAxis(quarterAxis(quarter), 4 * coefficient))
  }

  /** The text of an address. Sums of terms that are known further out are hoisted. */
  private address(a: Affine, block: Block): string {
    const rank = [...a.terms.keys()].sort(
      (x, y) => (block.place(x)?.depth ?? 0) - (block.place(y)?.depth ?? 0),
    )
    return this.w.emit(this.w.intern(affineExpr(a, rank)), block).text
  }

  /** Whether four neighbours can be accessed as one vector. */
  private aligned(a: Affine, axis: AxisId, storage: number): boolean {
    return (
      coefficientOf(a, axis) === 1 &&
      !restDependsOn(a, axis) &&
      a.constant % 4 === 0 &&
      [...a.terms.values()].every(t => t.axis.id === axis || t.coefficient % 4 === 0) &&
      [...a.rest.values()].every(c => c % 4 === 0) &&
      (this.isVector(storage) || isPacked(this.storages[storage]!))
    )
  }

  /**
   * Whether four neighbours that are not aligned are better cut out of two vectors. A load costs a software
   * device much more than a `select`.
   */
  private straddles(a: Affine, axis: AxisId, storage: number): boolean {
    const s = this.storages[storage]!
    const real = s.dtype === 'f32' && (isPacked(s) || this.isVector(storage))
    return this.software && real && coefficientOf(a, axis) === 1 && !restDependsOn(a, axis)
  }

  private asScalars(storage: number): void {
    if (!this.scalars.has(storage)) this.scalarsFound.add(storage)
  }

  /** The axis of an address along which the block handles four neighbours at a time; there is at most one. */
  private vectorAxis(a: Affine, block: Block): AxisId | undefined {
    const ids = [...a.terms.keys(), ...axesOf(...a.rest.keys()).keys()]
    return ids.find(id => block.place(id)?.place.kind === 'vector')
  }

  load(storage: number, whole: Affine, dtype: DType, block: Block): TextValue {
    const a = this.within(storage, whole)
    const wrap = (text: string, width: 1 | 4): TextValue => ({
      text: dtype === 'bool' ? `(${text} != ${width === 4 ? 'vec4u(0u)' : '0u'})` : text,
      dtype,
      width,
      atom: false,
    })
    const axis = this.vectorAxis(a, block)
    if (axis === undefined) {
      this.asScalars(storage)
      return wrap(this.element(storage, this.address(a, block), block), 1)
    }
    const place = block.place(axis)!.place
    if (place.kind !== 'vector') throw new Error('the vector axis has a single position')
    const type = vectorType(dtype === 'bool' ? 'u32' : dtype)
    if (this.aligned(a, axis, storage))
      return wrap(this.four(storage, this.quarterAddress(a, axis, place.quarter, block), block), 4)
    if (this.straddles(a, axis, storage)) {
      const at = this.index(this.address(this.atQuarter(a, axis, place.quarter), block), block)
      const [first, next] = [`${at} >> 2u`, `(${at} >> 2u) + 1`].map(q => this.four(storage, q, block))
      this.w.functions.set('straddling', straddling)
      return wrap(`straddling(${first}, ${next}, ${at})`, 4)
    }
    this.asScalars(storage)
    if (!restDependsOn(a, axis)) {
      const base = this.index(this.address(this.atQuarter(a, axis, place.quarter), block), block)
      const step = coefficientOf(a, axis)
      const parts = [0, 1, 2, 3].map(j =>
        this.element(storage, j === 0 ? base : `${base} + ${j * step}`, block),
      )
      return wrap(`${type}(${parts.join(', ')})`, 4)
    }
    const at = this.w.emit(this.w.intern(affineExpr(a)), block)
    const base = at.atom ? at.text : this.w.name(block, { text: at.text, dtype: 'i32', width: 4 }, 'at').text
    return wrap(
      `${type}(${vectorComponents.map(c => this.element(storage, `${base}.${c}`, block)).join(', ')})`,
      4,
    )
  }

  /** The text of an index that may be repeated. */
  private index(text: string, block: Block): string {
    return /^[\w.]+$/.test(text) ? text : this.w.nameIndex(block, text, 'at').text
  }

  private isWindowed(storage: number): boolean {
    return this.bases.get(storage)?.window !== undefined
  }

  /** The text of the array element at an index, by the type that the buffer is declared with. */
  private cellText(storage: number): (at: string) => string {
    const name = this.nameOf(storage)
    return this.isWindowed(storage) ? at => `${loadName(name)}(${at})` : at => `${name}[${at}]`
  }

  /** The statement that stores a value at an index. */
  private storeCell(storage: number, at: string, value: string): string {
    const name = this.nameOf(storage, 'read_write')
    return this.isWindowed(storage) ? `${storeName(name)}(${at}, ${value});` : `${name}[${at}] = ${value};`
  }

  /** The text of one element of a buffer that is declared as scalars. */
  private element(storage: number, at: string, block: Block): string {
    const s = this.storages[storage]!
    const cell = this.cellText(storage)
    if (isBlockPacking(s.packing)) return this.blockCall(oneName, storage, at)
    return isPacked(s) ? this.unpacked(unpackOne(s, cell, this.index(at, block))) : cell(at)
  }

  /** The text of four aligned neighbours. */
  private four(storage: number, quarter: string, block: Block): string {
    const s = this.storages[storage]!
    const cell = this.cellText(storage)
    if (!isPacked(s)) return cell(quarter)
    if (isBlockPacking(s.packing)) return this.blockCall(fourName, storage, `4 * (${quarter})`)
    const once = s.packing !== 'q8' && this.isVector(storage)
    const at = once ? quarter : this.index(quarter, block)
    return this.unpacked(unpackFour(s, cell, at, this.isVector(storage)))
  }

  /** A call of an unpacking function, which the kernel then declares. */
  private unpacked(call: string): string {
    const name = call.slice(0, call.indexOf('('))
    this.w.functions.set(name, unpackers[name]!)
    return call
  }

  /** A call of a buffer's own function that decodes blocks. */
  private blockCall(functionOf: (buffer: string) => string, storage: number, at: string): string {
    this.w.functions.set('bytes4', splitBytes)
    return `${functionOf(this.nameOf(storage))}(${at})`
  }

  private quarterAddress(a: Affine, axis: AxisId, quarter: AxisId, block: Block): string {
    const rest = affineAdd(a, affineScale(affineAxis(a.terms.get(axis)!.axis, 1), -1))
    return this.address(affineAdd(affineScale(rest, 1 / 4), affineAxis(quarterAxis(quarter))), block)
  }

  store({ storage, address, limit }: StoreTarget, value: TextValue, block: Block): void {
    const a = this.within(storage, address)
    const bool = value.dtype === 'bool'
    const axis = this.vectorAxis(a, block)
    if (axis === undefined) {
      this.asScalars(storage)
      const at = this.address(a, block)
      block.add(this.storeCell(storage, at, bool ? `u32(${value.text})` : value.text))
      return
    }
    const place = block.place(axis)!.place
    if (place.kind !== 'vector') throw new Error('the vector axis has a single position')
    const wide = this.w.widen(value)
    const text = bool ? `vec4u(${wide.text})` : wide.text
    if (limit === undefined && this.aligned(a, axis, storage)) {
      block.add(this.storeCell(storage, this.quarterAddress(a, axis, place.quarter, block), text))
      return
    }
    this.asScalars(storage)
    const v = /^\w+$/.test(text) ? text : this.w.name(block, { text, dtype: value.dtype, width: 4 }).text
    const affine = !restDependsOn(a, axis)
    const at = affine
      ? this.address(this.atQuarter(a, axis, place.quarter), block)
      : this.w.emit(this.w.intern(affineExpr(a)), block).text
    const base = /^\w+$/.test(at)
      ? at
      : this.w.name(block, { text: at, dtype: 'i32', width: affine ? 1 : 4 }, 'at').text
    const quarter = this.w.position(place.quarter, block).text
    vectorComponents.forEach((c, j) => {
      const to = affine ? `${base}${j === 0 ? '' : ` + ${j * coefficientOf(a, axis)}`}` : `${base}.${c}`
      const line = this.storeCell(storage, to, `${v}.${c}`)
      block.add(limit === undefined ? line : `if (4 * ${quarter} + ${j} < ${limit}) { ${line} }`)
    })
  }

  /** The declarations of all buffers, then the functions of those in several windows. */
  declarations(): readonly string[] {
    let first = 0
    const variables: string[] = []
    const functions: string[] = []
    for (const { storage, index, mode } of this.bindings) {
      const t = stored(storage.dtype)
      const vectors = this.isVector(storage.id)
      const element = isPacked(storage) ? packedElement(storage, vectors) : vectors ? `vec4<${t}>` : t
      const base = this.bases.get(storage.id)
      const windows = countWindows(storage, base)
      const length = (base?.window ?? 0) / bytesOfElement[element]!
      const b: BufferWindows = { name: `§${index}§`, mode, element, windows, length }
      variables.push(...declarationsOf(b, first))
      functions.push(...functionsOf(b))
      if (isBlockPacking(storage.packing)) {
        const word = this.cellText(storage.id)
        functions.push(...blockFunctions(b.name, storage.packing, storage.elements, word))
      }
      first += windows
    }
    return [...variables, ...functions]
  }
}
