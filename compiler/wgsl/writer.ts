import { axesOf, childrenOf, postorder } from '../ir/expr.js'
import type { Axis, AxisId, DType, Expr } from '../ir/ir.js'
import { prims } from '../ir/prims.js'
import { helpers, wgslLiteral } from '../ir/wgsl-helpers.js'
import type { Storage } from '../plan/placement.js'
import {
  type Affine,
  affineAdd,
  affineAxis,
  affineExpr,
  affineOf,
  affineScale,
  coefficientOf,
  restDependsOn,
} from '../schedule/affine.js'
import { interner } from '../schedule/intern.js'
import { Block, type Value } from './block.js'
import { isPacked, packedElement, unpackers, unpackFour, unpackOne } from './unpack.js'

export interface Binding {
  readonly storage: Storage
  readonly index: number
  mode: 'read' | 'read_write'
}

const stored = (dtype: DType): string => (dtype === 'bool' ? 'u32' : dtype)
export const vectorType = (dtype: DType): string =>
  dtype === 'bool' ? 'vec4<bool>' : `vec4${{ f32: 'f', i32: 'i', u32: 'u' }[dtype]}`

/** The four elements from `at` on, of the vector that holds the first of them and the next one. */
const straddling = `fn straddling(a: vec4f, b: vec4f, at: i32) -> vec4f {
  let odd = (at & 1) != 0;
  let x = select(a, vec4f(a.yzw, b.x), odd);
  let y = select(b.xy, b.yz, odd);
  return select(x, vec4f(x.zw, y), (at & 2) != 0);
}`

/** Operators that WGSL has for a vector and a scalar. */
const mixed: ReadonlySet<string> = new Set(['add', 'sub', 'mul', 'div'])
const components = ['x', 'y', 'z', 'w'] as const

const nonNegative = (e: Expr): boolean => {
  if (e.dtype === 'u32') return true
  if (e.op === 'const') return e.value >= 0
  if (e.op === 'index') return true
  if (e.op === 'read') return false
  if (e.op === 'mod') return nonNegative(e.args[1]!) && e.args[1]!.op === 'const'
  return ['add', 'mul', 'idiv', 'min', 'max', 'select'].includes(e.op) && e.args.every(nonNegative)
}

/**
 * Writes one kernel: expressions become text, each placed in the outermost block where its axes are known, shared
 * parts as `let`s. Buffers are bound as they are met. A buffer all of whose accesses are four aligned neighbours is
 * declared as vectors: `scalars` lists those that an earlier attempt found not to be (see `settle`).
 */
export class Writer {
  readonly bindings: Binding[] = []
  readonly root = new Block(undefined, undefined)
  readonly intern = interner()
  /** WGSL functions that are called, by name. */
  readonly functions = new Map<string, string>()
  private readonly uses = new Map<Expr, number>()
  private readonly counts = new Map<number, string>()
  private counter = 0
  /** Buffers met here that must be declared as scalars. */
  readonly scalarsFound = new Set<number>()

  constructor(
    private readonly storages: readonly Storage[],
    private readonly scalars: ReadonlySet<number>,
    private readonly software: boolean,
  ) {}

  /**
   * The number of a loop's turns. Drivers unroll loops of few turns known in advance; on a software device, where each load becomes
   * much code for the compiler, that costs seconds a kernel and gains nothing. There the number is made to look unknown: every buffer has elements.
   */
  turns(count: number): string {
    if (!this.software || count > 64) return `${count}`
    const known = this.counts.get(count)
    if (known !== undefined) return known
    const name = `turns${count}`
    this.counts.set(count, name)
    this.root.lines.unshift(`let ${name} = select(${count}, 0, arrayLength(&§0§) == 0u);`)
    return name
  }

  fresh(prefix: string): string {
    return `${prefix}${++this.counter}`
  }

  bindingOf(storage: number, mode: 'read' | 'read_write'): Binding {
    let b = this.bindings.find(x => x.storage.id === storage)
    if (b === undefined) {
      b = { storage: this.storages[storage]!, index: this.bindings.length, mode }
      this.bindings.push(b)
    }
    if (mode === 'read_write') b.mode = mode
    return b
  }

  private nameOf(storage: number, mode: 'read' | 'read_write' = 'read'): string {
    return `§${this.bindingOf(storage, mode).index}§`
  }

  isVector(storage: number): boolean {
    return !this.scalars.has(storage) && !this.scalarsFound.has(storage)
  }

  /** Announces expressions to be written, so that what occurs once needs no name. */
  announce(...roots: readonly Expr[]): void {
    for (const e of postorder(...roots))
      for (const c of childrenOf(e)) this.uses.set(c, (this.uses.get(c) ?? 0) + 1)
    for (const e of roots) this.uses.set(e, (this.uses.get(e) ?? 0) + 1)
  }

  private depthOf(e: Expr, block: Block, memo = new Map<Expr, number>()): number {
    const known = memo.get(e)
    if (known !== undefined) return known
    let depth = 0
    if (e.op === 'index') {
      const found = block.place(e.axis.id)
      if (found === undefined) throw new Error(`axis ${e.axis.name} (${e.axis.id}) is not known here`)
      depth = found.depth
    } else if (e.op === 'read' && e.node < 0) {
      const found = block.local(e.node)
      if (found === undefined) throw new Error(`local ${e.node} is not known here`)
      depth = found.depth
    } else for (const c of childrenOf(e)) depth = Math.max(depth, this.depthOf(c, block, memo))
    memo.set(e, depth)
    return depth
  }

  /** Declares a variable for a text and gives its name as a value. */
  name(block: Block, text: string, dtype: DType, width: 1 | 4, prefix = 'v'): Value {
    const name = this.fresh(prefix)
    block.add(`let ${name} = ${text};`)
    return { text: name, dtype, width, atom: true }
  }

  /** The value of an expression for use in a block. */
  emit(e: Expr, block: Block): Value {
    const known = block.value(e)
    if (known) return known
    if (e.op === 'const') {
      return { text: wgslLiteral(e.dtype, e.value), dtype: e.dtype, width: 1, atom: true }
    }
    const home = block.at(this.depthOf(e, block))
    if (e.op === 'index') return this.position(e.axis.id, home)
    if (e.op === 'read' && e.node < 0) return block.local(e.node)!.value
    const value = e.op === 'read' ? this.load(e.node, affineOf(e.at[0]!), e.dtype, home) : this.apply(e, home)
    const named =
      !value.atom &&
      (e.op === 'read' ||
        home !== block ||
        (this.uses.get(e) ?? (e.dtype === 'i32' ? 1 : 2)) > 1 ||
        value.text.length > 70)
    const prefix = e.op === 'read' ? `${this.nameOf(e.node)}_v` : e.dtype === 'i32' ? 'at' : 'v'
    const out = named ? this.name(home, value.text, value.dtype, value.width, prefix) : value
    if (out.atom) home.values.set(e, out)
    return out
  }

  private position(axis: AxisId, block: Block): Value {
    const place = block.place(axis)!.place
    if (place.kind === 'scalar') return { text: place.text, dtype: 'i32', width: 1, atom: true }
    const quarter = this.position(place.quarter, block)
    return { text: `(4 * ${quarter.text} + vec4i(0, 1, 2, 3))`, dtype: 'i32', width: 4, atom: false }
  }

  /** As four neighbours: a scalar is repeated. */
  widen(v: Value): Value {
    return v.width === 4 ? v : { ...v, text: `${vectorType(v.dtype)}(${v.text})`, width: 4, atom: false }
  }

  private apply(e: Extract<Expr, { args: readonly Expr[] }>, block: Block): Value {
    const row = prims[e.op]
    const args = e.args.map(a => this.emit(a, block))
    const dtypes = e.args.map(a => a.dtype)
    const needed = row.helpers?.(e.dtype) ?? []
    const divisor = e.args.at(-1)!
    const natural = nonNegative(e.args[0]!) && divisor.op === 'const' && divisor.value > 0
    const wide = args.some(a => a.width === 4)
    const repeats = e.op === 'pow' || (e.op === 'mod' && e.dtype === 'f32')
    const write = (texts: readonly string[]): string => row.wgsl(texts, e.dtype, dtypes, natural)
    const atomic = (v: Value): Value => (v.atom ? v : this.name(block, v.text, v.dtype, v.width))
    const note = (text: string): void => {
      for (const h of needed) if (text.includes(`${h}(`)) this.functions.set(h, helpers[h]!)
    }
    if (!wide) {
      const text = write((repeats ? args.map(atomic) : args).map(a => a.text))
      note(text)
      return { text, dtype: e.dtype, width: 1, atom: false }
    }
    const vector = (text: string): Value => ({ text, dtype: e.dtype, width: 4, atom: false })
    if (e.op === 'and' || e.op === 'or') {
      const [a, b] = args.map(x => this.widen(x).text)
      return vector(`(${a} ${e.op === 'and' ? '&' : '|'} ${b})`)
    }
    if (e.op === 'cast') return vector(`${vectorType(e.dtype)}(${args[0]!.text})`)
    if (e.op === 'select') {
      const condition = args[0]!.text
      return vector(`select(${this.widen(args[2]!).text}, ${this.widen(args[1]!).text}, ${condition})`)
    }
    const named = repeats ? args.map(atomic) : args
    const power = e.op === 'pow' && args[1]!.width === 1
    const plain = write(named.map(a => (mixed.has(e.op) || power ? a.text : this.widen(a).text)))
    if (e.op !== 'shr' && !e.op.startsWith('threefry') && !needed.some(h => plain.includes(`${h}(`)))
      return vector(plain)
    // A helper function knows scalars only.
    const parts = args.map(atomic)
    const texts = components.map(c => write(parts.map(p => (p.width === 4 ? `${p.text}.${c}` : p.text))))
    texts.forEach(note)
    return vector(`${vectorType(e.dtype)}(${texts.join(', ')})`)
  }

  /** `4 · quarter` in place of the block's vector axis. */
  private atQuarter(a: Affine, axis: AxisId, quarter: AxisId): Affine {
    const coefficient = coefficientOf(a, axis)
    const without = affineAdd(a, affineScale(affineAxis(a.terms.get(axis)!.axis, 1), -coefficient))
    return affineAdd(without, affineAxis(quarterAxis(quarter), 4 * coefficient))
  }

  /** The text of an address; sums of what is known further out are hoisted. */
  address(a: Affine, block: Block): string {
    const rank = [...a.terms.keys()].sort(
      (x, y) => (block.place(x)?.depth ?? 0) - (block.place(y)?.depth ?? 0),
    )
    return this.emit(this.intern(affineExpr(a, rank)), block).text
  }

  /** Can four neighbours be accessed as one vector? */
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
   * Are four neighbours, not aligned, better cut out of the two vectors in which they lie? A software device pays for loads,
   * much more than for choosing.
   */
  private straddles(a: Affine, axis: AxisId, storage: number): boolean {
    const s = this.storages[storage]!
    const plain = s.dtype === 'f32' && !isPacked(s) && this.isVector(storage)
    return this.software && plain && coefficientOf(a, axis) === 1 && !restDependsOn(a, axis)
  }

  private asScalars(storage: number): void {
    if (!this.scalars.has(storage)) this.scalarsFound.add(storage)
  }

  /** The axis of an address of which the block handles four neighbours at a time: one at most. */
  private vectorAxis(a: Affine, block: Block): AxisId | undefined {
    const ids = [...a.terms.keys(), ...axesOf(...a.rest.keys()).keys()]
    return ids.find(id => block.place(id)?.place.kind === 'vector')
  }

  load(storage: number, a: Affine, dtype: DType, block: Block): Value {
    const wrap = (text: string, width: 1 | 4): Value => ({
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
    if (place.kind !== 'vector') throw new Error('the vector axis is not one')
    const type = vectorType(dtype === 'bool' ? 'u32' : dtype)
    if (this.aligned(a, axis, storage))
      return wrap(this.four(storage, this.quarterAddress(a, axis, place.quarter, block), block), 4)
    if (this.straddles(a, axis, storage)) {
      const at = this.index(this.address(this.atQuarter(a, axis, place.quarter), block), block)
      const name = this.nameOf(storage)
      this.functions.set('straddling', straddling)
      return wrap(`straddling(${name}[${at} >> 2u], ${name}[(${at} >> 2u) + 1], ${at})`, 4)
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
    const at = this.emit(this.intern(affineExpr(a)), block)
    const base = at.atom ? at.text : this.name(block, at.text, 'i32', 4, 'at').text
    return wrap(`${type}(${components.map(c => this.element(storage, `${base}.${c}`, block)).join(', ')})`, 4)
  }

  /** An index that may be repeated. */
  private index(text: string, block: Block): string {
    return /^[\w.]+$/.test(text) ? text : this.name(block, text, 'i32', 1, 'at').text
  }

  /** The text of one element of a buffer that is declared by scalars. */
  private element(storage: number, at: string, block: Block): string {
    const s = this.storages[storage]!
    const name = this.nameOf(storage)
    return isPacked(s) ? this.unpacked(unpackOne(s, name, this.index(at, block))) : `${name}[${at}]`
  }

  /** The text of four aligned neighbours. */
  private four(storage: number, quarter: string, block: Block): string {
    const s = this.storages[storage]!
    const name = this.nameOf(storage)
    if (!isPacked(s)) return `${name}[${quarter}]`
    const once = s.packing !== 'q8' && this.isVector(storage)
    const at = once ? quarter : this.index(quarter, block)
    return this.unpacked(unpackFour(s, name, at, this.isVector(storage)))
  }

  /** A call of an unpacker, taken note of. */
  private unpacked(call: string): string {
    const name = call.slice(0, call.indexOf('('))
    this.functions.set(name, unpackers[name]!)
    return call
  }

  private quarterAddress(a: Affine, axis: AxisId, quarter: AxisId, block: Block): string {
    const rest = affineAdd(a, affineScale(affineAxis(a.terms.get(axis)!.axis, 1), -1))
    return this.address(affineAdd(affineScale(rest, 1 / 4), affineAxis(quarterAxis(quarter))), block)
  }

  /** Stores a value; of four neighbours only those that `limit` (a number of elements along the axis) allows. */
  store(storage: number, a: Affine, value: Value, block: Block, limit?: number): void {
    const name = this.nameOf(storage, 'read_write')
    const bool = value.dtype === 'bool'
    const axis = this.vectorAxis(a, block)
    if (axis === undefined) {
      this.asScalars(storage)
      block.add(`${name}[${this.address(a, block)}] = ${bool ? `u32(${value.text})` : value.text};`)
      return
    }
    const place = block.place(axis)!.place
    if (place.kind !== 'vector') throw new Error('the vector axis is not one')
    const wide = this.widen(value)
    const text = bool ? `vec4u(${wide.text})` : wide.text
    if (limit === undefined && this.aligned(a, axis, storage)) {
      block.add(`${name}[${this.quarterAddress(a, axis, place.quarter, block)}] = ${text};`)
      return
    }
    this.asScalars(storage)
    const v = /^\w+$/.test(text) ? text : this.name(block, text, value.dtype, 4).text
    const affine = !restDependsOn(a, axis)
    const at = affine
      ? this.address(this.atQuarter(a, axis, place.quarter), block)
      : this.emit(this.intern(affineExpr(a)), block).text
    const base = /^\w+$/.test(at) ? at : this.name(block, at, 'i32', affine ? 1 : 4, 'at').text
    const quarter = this.position(place.quarter, block).text
    components.forEach((c, j) => {
      const to = affine ? `${base}${j === 0 ? '' : ` + ${j * coefficientOf(a, axis)}`}` : `${base}.${c}`
      const line = `${name}[${to}] = ${v}.${c};`
      block.add(limit === undefined ? line : `if (4 * ${quarter} + ${j} < ${limit}) { ${line} }`)
    })
  }

  /** Splits a flat index (the text of a non-negative i32) over axes, the last running fastest. */
  unflatten(text: string, axes: readonly Axis[], block: Block): void {
    let rest = text
    for (let i = axes.length - 1; i >= 0; i--) {
      const a = axes[i]!
      const value = i === 0 ? rest : `${rest} % ${a.extent}`
      const name = /^\w+$/.test(value) ? value : this.name(block, value, 'i32', 1, 'at').text
      block.places.set(a.id, { kind: 'scalar', text: name })
      if (i > 0) rest = this.name(block, `${rest} / ${a.extent}`, 'i32', 1, 'at').text
    }
  }

  functionTexts(): readonly string[] {
    return [...this.functions.keys()].sort().map(f => this.functions.get(f)!)
  }

  declarations(): readonly string[] {
    return this.bindings.map(b => {
      const t = stored(b.storage.dtype)
      const vectors = this.isVector(b.storage.id)
      const s = b.storage
      const element = isPacked(s) ? packedElement(s, vectors) : vectors ? `vec4<${t}>` : t
      return `@group(0) @binding(${b.index}) var<storage, ${b.mode}> §${b.index}§: array<${element}>;`
    })
  }
}

/** The quarter of a vector axis is an axis of its own, known by the id. */
const quarterAxis = (id: AxisId): Axis => ({ id, name: `quarter${id}`, extent: 2 ** 29 })
