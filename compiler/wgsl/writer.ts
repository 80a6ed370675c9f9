import type { Affine } from '../affine/affine.js'
import { affineOf } from '../affine/affine-of.js'
import type { Count, DType, OpenExtent } from '../artifact.js'
import { childrenOf, postorder } from '../ir/expr.js'
import { deepInterner } from '../ir/intern.js'
import { intervals } from '../ir/interval.js'
import type { Axis, AxisId, Expr } from '../ir/ir.js'
import { extentInParts } from '../ir/open-extent.js'
import { helpers, wgslLiteral } from '../ir/wgsl-helpers.js'
import type { KernelContext } from '../kernel/context.js'
import { countAll, countAxis, mostOf } from '../kernel/count.js'
import { sizeLocal } from '../kernel/size-values.js'
import { Block, type TextValue, vectorComponents, vectorType } from './block.js'
import { BufferAccess, type StoreTarget } from './buffer-access.js'
import {
  cancelledTermsOf,
  createConstantFolder,
  ieeeOperator,
  operatorOf,
  type UnorderedComparison,
  unorderedComparisonOf,
} from './ieee.js'
import type { BindingBase } from './slices.js'

/** Drivers unroll loops of up to so many iterations. */
const mostUnrolled = 64

/** A longer expression gets a name, so that lines stay readable. */
const longestInline = 70

/** Quotients of numbers below this are right after one correction. */
const exactQuotients = 2 ** 22

const quotientFunction = `fn quotient(a: i32, n: i32, inverse: f32) -> i32 {
  let q = i32(f32(a) * inverse);
  let r = a - q * n;
  return q + select(0, 1, r >= n) - select(0, 1, r < 0);
}`

/** Operators that WGSL defines for a vector and a scalar. */
const mixed: ReadonlySet<string> = new Set(['add', 'sub', 'mul', 'div'])

const partText = (part: Count | OpenExtent): string => {
  if (typeof part === 'number' || 'most' in part) return countText(part)
  const { size, scale, shift, per } = part
  const scaled = `sizes.${vectorComponents[size]}${scale === 1 ? '' : ` * ${scale}`}`
  const more = shift + per - 1
  const sum = more === 0 ? scaled : `${scaled} + ${more}`
  return per === 1 ? (more === 0 ? sum : `(${sum})`) : `((${sum}) / ${per})`
}

/** A number that open sizes decide, as WGSL. */
const countText = (c: Count): string => {
  if (typeof c === 'number') return `${c}`
  const product = c.parts.map(partText).join(' * ')
  return c.per === 1 ? product : `((${product} + ${c.per - 1}) / ${c.per})`
}

/**
 * Writes one kernel. Expressions become text, each in the outermost block where its axes are known
 * (loop-invariant code motion), and shared subexpressions become `let`s (common subexpression elimination).
 */
export class Writer {
  readonly root = new Block(undefined, undefined)
  readonly intern = deepInterner()
  /** The WGSL functions that the kernel calls, by name. */
  readonly functions = new Map<string, string>()
  private readonly uses = new Map<Expr, number>()
  private readonly folded = createConstantFolder()
  private readonly interval = intervals()
  private readonly bounds = new Map<number, string>()
  private readonly counts = new Map<string, string>()
  private readonly countLines: string[] = []
  private counter = 0
  readonly memory: BufferAccess

  /**
   * `scalars` are the buffers that an earlier attempt found not to be arrays of vectors, `bases` those bound
   * in part.
   */
  constructor(
    readonly ctx: KernelContext,
    scalars: ReadonlySet<number>,
    bases: ReadonlyMap<number, BindingBase>,
  ) {
    const { storages, traits } = ctx
    for (const [size, component] of vectorComponents.entries())
      this.root.locals.set(sizeLocal(size), {
        text: `sizes.${component}`,
        dtype: 'i32',
        width: 1,
        atom: true,
      })
    this.memory = new BufferAccess({ storages, scalars, bases, software: traits.software }, this)
  }

  /** Makes an axis that no node of the graph has. */
  axis(name: string, extent: number, open?: OpenExtent): Axis {
    return this.ctx.axis(name, extent, open)
  }

  /** A new axis of the extent of another. */
  axisLike(name: string, { extent, open }: Pick<Axis, 'extent' | 'open'>): Axis {
    return this.axis(name, extent, open)
  }

  /** An axis whose positions are each `n` neighbours of another's. */
  axisInParts(name: string, of: Pick<Axis, 'extent' | 'open'>, n: number): Axis {
    const { extent, open } = extentInParts(of, n)
    return this.ctx.axis(name, extent, open)
  }

  /** The text of a number, which is a name where open sizes decide it. */
  count(c: Count): string {
    if (typeof c === 'number') return `${c}`
    const text = countText(c)
    const known = this.counts.get(text)
    if (known !== undefined) return known
    const name = `n${this.counts.size + 1}`
    this.counts.set(text, name)
    this.countLines.push(`let ${name} = ${text};`)
    return name
  }

  /** The declarations of the numbers that open sizes decide. They come before all else. */
  countDeclarations(): readonly string[] {
    return this.countLines
  }

  /**
   * The text of a loop's number of iterations. Drivers unroll short loops with a known number. On a software
   * device each load is much code, so that costs seconds a kernel and gains nothing; there the number is made
   * to look unknown, by a condition that never holds: every buffer has elements.
   */
  loopBound(count: Count): string {
    if (typeof count !== 'number') return this.count(count)
    if (!this.ctx.traits.software || count > mostUnrolled) return `${count}`
    const known = this.bounds.get(count)
    if (known !== undefined) return known
    const name = `turns${count}`
    this.bounds.set(count, name)
    this.root.lines.unshift(`let ${name} = select(${count}, 0, arrayLength(&§0§) == 0u);`)
    return name
  }

  fresh(prefix: string): string {
    return `${prefix}${++this.counter}`
  }

  /** Counts the uses of expressions to be written, so that one that occurs once gets no name. */
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
      if (found === undefined)
        throw new Error(`axis ${e.axis.name} (${e.axis.id}) has no position in this block`)
      depth = found.depth
    } else if (e.op === 'read' && e.node < 0) {
      const found = block.local(e.node)
      if (found === undefined) throw new Error(`local value ${e.node} has no name in this block`)
      depth = found.depth
    }
    for (const c of childrenOf(e)) depth = Math.max(depth, this.depthOf(c, block, memo))
    memo.set(e, depth)
    return depth
  }

  /** Declares a variable for a value, and returns its name as a value. */
  name(block: Block, { text, dtype, width }: Omit<TextValue, 'atom'>, prefix = 'v'): TextValue {
    const name = this.fresh(prefix)
    block.add(`let ${name} = ${text};`)
    return { text: name, dtype, width, atom: true }
  }

  /** Declares a variable for an i32. */
  nameIndex(block: Block, text: string, prefix = 'v'): TextValue {
    return this.name(block, { text, dtype: 'i32', width: 1 }, prefix)
  }

  /** Writes an expression and returns its value for use in a block. */
  emit(e: Expr, block: Block): TextValue {
    const known = block.value(e)
    if (known) return known
    const folded = this.folded(e)
    if (folded.op === 'const') {
      return { text: wgslLiteral(folded.dtype, folded.value), dtype: e.dtype, width: 1, atom: true }
    }
    if (e.op === 'const') throw new Error('a constant folds to itself')
    const home = block.at(this.depthOf(e, block))
    if (e.op === 'index') return this.position(e.axis.id, home)
    if (e.op === 'read' && e.node < 0 && e.at.length === 0) return block.local(e.node)!.value
    const isArray = e.op === 'read' && e.node < 0
    const value = isArray
      ? this.element(block.local(e.node)!.value, e.at[0]!, home)
      : e.op === 'read'
        ? this.memory.load(e.node, affineOf(e.at[0]!), e.dtype, home)
        : this.apply(e, home)
    const named =
      !value.atom &&
      (e.op === 'read' ||
        home !== block ||
        (this.uses.get(e) ?? (e.dtype === 'i32' ? 1 : 2)) > 1 ||
        value.text.length > longestInline)
    const prefix =
      e.op === 'read' && !isArray ? `${this.memory.nameOf(e.node)}_v` : e.dtype === 'i32' ? 'at' : 'v'
    const out = named ? this.name(home, value, prefix) : value
    if (out.atom) home.values.set(e, out)
    return out
  }

  /** An element of an array that the kernel computes; an array of truth values holds 0 and 1. */
  private element({ text, dtype }: TextValue, at: Expr, block: Block): TextValue {
    const place = `${text}[${this.emit(at, block).text}]`
    return { text: dtype === 'bool' ? `(${place} != 0u)` : place, dtype, width: 1, atom: false }
  }

  position(axis: AxisId, block: Block): TextValue {
    const place = block.place(axis)!.place
    if (place.kind === 'scalar') return { text: place.text, dtype: 'i32', width: 1, atom: true }
    const quarter = this.position(place.quarter, block)
    return { text: `(4 * ${quarter.text} + vec4i(0, 1, 2, 3))`, dtype: 'i32', width: 4, atom: false }
  }

  /** A value as four neighbours; a scalar is repeated. */
  widen(v: TextValue): TextValue {
    return v.width === 4 ? v : { ...v, text: `${vectorType(v.dtype)}(${v.text})`, width: 4, atom: false }
  }

  private apply(e: Extract<Expr, { args: readonly Expr[] }>, block: Block): TextValue {
    let sum = this.applied(e, block)
    if (ieeeOperator(e) !== undefined) return sum
    for (const term of cancelledTermsOf(e)) {
      const t = this.emit(term, block)
      const wide = sum.width === 4
      const helper = wide ? 'where_finite4' : 'where_finite'
      this.functions.set(helper, helpers[helper]!)
      sum = { ...sum, text: `${helper}(${sum.text}, ${(wide ? this.widen(t) : t).text})`, atom: false }
    }
    return sum
  }

  private applied(e: Extract<Expr, { args: readonly Expr[] }>, block: Block): TextValue {
    const loose = unorderedComparisonOf(e)
    if (loose !== undefined) return this.writeUnorderedComparison(loose, block)
    const row = operatorOf(e)
    const args = e.args.map(a => this.emit(a, block))
    const dtypes = e.args.map(a => a.dtype)
    const needed = row.helpers?.(e.dtype) ?? []
    const divisor = e.args.at(-1)!
    const natural = this.interval(e.args[0]!).lo >= 0 && divisor.op === 'const' && divisor.value > 0
    const wide = args.some(a => a.width === 4)
    const repeats = e.op === 'pow'
    const write = (texts: readonly string[]): string => row.wgsl(texts, e.dtype, dtypes, natural)
    const atomic = (v: TextValue): TextValue => (v.atom ? v : this.name(block, v))
    const note = (text: string): void => {
      for (const h of needed) if (text.includes(`${h}(`)) this.functions.set(h, helpers[h]!)
    }
    if (!wide) {
      const text = write((repeats ? args.map(atomic) : args).map(a => a.text))
      note(text)
      return { text, dtype: e.dtype, width: 1, atom: false }
    }
    const vector = (text: string): TextValue => ({ text, dtype: e.dtype, width: 4, atom: false })
    if (e.op === 'and' || e.op === 'or') {
      const [a, b] = args.map(x => this.widen(x).text)
      return vector(`(${a} ${e.op === 'and' ? '&' : '|'} ${b})`)
    }
    // WGSL does not define the whole number that a NaN is converted to, so a helper does it.
    const cut = e.op === 'cast' && dtypes[0] === 'f32' && (e.dtype === 'i32' || e.dtype === 'u32')
    if (e.op === 'cast' && !cut) return vector(`${vectorType(e.dtype)}(${args[0]!.text})`)
    if (e.op === 'select') {
      const condition = args[0]!.text
      return vector(`select(${this.widen(args[2]!).text}, ${this.widen(args[1]!).text}, ${condition})`)
    }
    const named = repeats ? args.map(atomic) : args
    const power = e.op === 'pow' && args[1]!.width === 1
    const plain = write(named.map(a => (mixed.has(e.op) || power ? a.text : this.widen(a).text)))
    if (e.op !== 'shr' && !e.op.startsWith('threefry') && !needed.some(h => plain.includes(`${h}(`)))
      return vector(plain)
    const wideHelpers = needed.filter(h => plain.includes(`${h}(`) && helpers[`${h}4`] !== undefined)
    if (wideHelpers.length > 0) {
      const text = write(args.map(a => this.widen(a).text))
      const widened = wideHelpers.reduce((t, h) => t.replaceAll(`${h}(`, `${h}4(`), text)
      for (const h of wideHelpers) this.functions.set(`${h}4`, helpers[`${h}4`]!)
      return vector(widened)
    }
    // All other helpers take scalars: they are called once for each component.
    const parts = args.map(atomic)
    const texts = vectorComponents.map(c =>
      write(parts.map(p => (p.width === 4 ? `${p.text}.${c}` : p.text))),
    )
    texts.forEach(note)
    return vector(`${vectorType(e.dtype)}(${texts.join(', ')})`)
  }

  private writeUnorderedComparison({ args, sign }: UnorderedComparison, block: Block): TextValue {
    const values = args.map(a => this.emit(a, block))
    const width = values.some(a => a.width === 4) ? 4 : 1
    const [a, b] = values.map(x => (width === 4 ? this.widen(x) : x).text)
    const isNan = width === 4 ? 'is_nan4' : 'is_nan'
    const tests = [a, b].flatMap((x, i) => {
      const { op, ...of } = this.folded(args[i]!)
      return op === 'const' && 'value' in of && !Number.isNaN(of.value) ? [] : [` | ${isNan}(${x})`]
    })
    if (tests.length > 0) this.functions.set(isNan, helpers[isNan]!)
    return { text: `((${a} ${sign} ${b})${tests.join('')})`, dtype: 'bool', width, atom: false }
  }

  /** Loads the element, or the four neighbours, at an address. */
  load(storage: number, a: Affine, dtype: DType, block: Block): TextValue {
    return this.memory.load(storage, a, dtype, block)
  }

  /** Stores a value, or those of four neighbours that are within the target's limit. */
  store(target: StoreTarget, value: TextValue, block: Block): void {
    this.memory.store(target, value, block)
  }

  /**
   * Splits a flat index (the text of an i32 that is not negative) over axes, of which the last is the
   * fastest.
   */
  unflatten(text: string, axes: readonly Axis[], block: Block): void {
    let rest = text
    for (let i = axes.length - 1; i >= 0; i--) {
      const a = axes[i]!
      const extent = countAxis(a)
      if (i > 0 && typeof extent !== 'number' && mostOf(countAll(axes)) < exactQuotients) {
        const high = this.nameIndex(block, this.quotient(rest, extent), 'at').text
        const low = this.nameIndex(block, `${rest} - ${high} * ${this.count(extent)}`, 'at').text
        block.places.set(a.id, { kind: 'scalar', text: low })
        rest = high
        continue
      }
      const value = i === 0 ? rest : `${rest} % ${this.count(countAxis(a))}`
      const name = /^\w+$/.test(value) ? value : this.nameIndex(block, value, 'at').text
      block.places.set(a.id, { kind: 'scalar', text: name })
      if (i > 0) rest = this.nameIndex(block, `${rest} / ${this.count(countAxis(a))}`, 'at').text
    }
  }

  /** A quotient by a number that a run decides. Processors divide integers one by one, floats by vectors. */
  private quotient(text: string, by: Count): string {
    this.functions.set('quotient', quotientFunction)
    const n = this.count(by)
    const inverse = `inverse_${n}`
    const line = `let ${inverse} = 1.0 / f32(${n});`
    if (!this.countLines.includes(line)) this.countLines.push(line)
    return `quotient(${text}, ${n}, ${inverse})`
  }

  /** The texts of the called functions, in the order of their names. */
  functionTexts(): readonly string[] {
    return [...this.functions.keys()].sort().map(f => this.functions.get(f)!)
  }
}
