/**
 * Writes a loop that runs inside one kernel. A thread runs it for one lane, with numbers in registers and
 * arrays of its own; or a workgroup does, whose threads share the elements of arrays in workgroup memory
 * among them:
 *
 *     var h = start[lane];
 *     for (var l = 0; l < 1024; l++) { h = a[l, lane] * h + b[l, lane]; all[l + 1, lane] = h; }
 */
import { coefficientOf } from '../affine/affine.js'
import { affineOf } from '../affine/affine-of.js'
import type { DType, ScanSchedule } from '../artifact.js'
import { i32, index, mixedRadix, prim, readsOf } from '../ir/expr.js'
import type { Axis, Expr, NodeId } from '../ir/ir.js'
import { type KernelContext, localOf, productOf } from '../kernel/context.js'
import { arrayElements, type LanePlace, type ScanPhase, type ScanProgram } from '../kernel/scan-program.js'
import type { KernelSpec } from '../kernel/spec.js'
import { declareAccumulator, finishReduction } from './accumulate.js'
import type { Block, TextValue } from './block.js'
import { type EmittedKernel, flatWorkgroupIndex, spreadWorkgroups, writeKernel } from './kernel.js'
import type { Writer } from './writer.js'

/** A loop while it is written. */
interface ScanKernel {
  readonly p: ScanProgram
  readonly s: ScanSchedule
  readonly w: Writer
  /** Declarations of arrays in workgroup memory. */
  readonly shared: string[]
  /** Arrays that other threads have written since the last barrier. */
  readonly unseen: Set<NodeId>
}

/** An array of a lane: its name, and the axes of its elements. */
interface LaneArray {
  readonly name: string
  readonly dtype: DType
  readonly inner: readonly Axis[]
}

/** Arrays of so few elements are kept in registers: the driver unrolls loops over them. */
const mostUnrolled = 16

/** The type of an element in an array. Truth values are 0 and 1, as in buffers. */
const elementType = (dtype: DType): string => (dtype === 'bool' ? 'u32' : dtype)

const flatIndex = (axes: readonly Axis[]): Expr =>
  mixedRadix(
    axes.map(index),
    axes.map(a => a.extent),
  )

/** Writes a loop inside a kernel. */
export const writeScan = (
  p: ScanProgram,
  s: ScanSchedule,
  ctx: KernelContext,
  spec: KernelSpec,
): EmittedKernel => {
  const lanes = productOf(p.lanes)
  const each = s.team === 1 ? s.threads : 1
  const workgroups = spreadWorkgroups(Math.ceil(lanes / each), ctx.traits.workgroupsPerDimension)
  const launched = workgroups[0] * workgroups[1] * workgroups[2] * each
  return writeKernel(ctx, spec, w => {
    const kernel: ScanKernel = { p, s, w, shared: [], unseen: new Set() }
    const { root } = w
    const first = flatWorkgroupIndex(workgroups)
    root.add(`let lane = ${s.team === 1 ? `${first} * ${s.threads} + i32(local)` : first};`)
    if (launched > lanes) root.add(`if (lane >= ${lanes}) { return; }`)
    w.unflatten('lane', p.lanes, root)
    w.announce(...p.phases.map(x => w.intern(x.value)))
    const carried = p.carries.map(c => startCarry(c, kernel))
    const turn = w.fresh('turn')
    const { axis, direction } = p.loop
    const block = root.inner(`for (var ${turn} = 0; ${turn} < ${w.loopBound(axis.extent)}; ${turn}++) {`)
    const place = direction === 'up' ? turn : w.nameIndex(block, `${axis.extent - 1} - ${turn}`, 'at').text
    block.places.set(axis.id, { kind: 'scalar', text: place })
    p.carries.forEach((c, i) => {
      // The name of a number's present value stays right while the variable gets its next one.
      const { name, dtype } = carried[i]!
      const now: TextValue = { text: name, dtype, width: 1, atom: true }
      block.locals.set(localOf(c.id), c.inner.length > 0 ? now : w.name(block, { ...now }, 'now'))
    })
    for (const x of p.phases) writePhase(x, block, kernel)
    endTurn(carried, block, kernel)
    root.close(block)
    p.carries.forEach((c, i) => {
      if (c.end) storeCarry(carried[i]!, c.end, kernel)
    })
    return {
      workgroupSize: [s.threads, 1, 1],
      workgroups,
      count: Math.ceil(lanes / each),
      shared: kernel.shared,
      schedule: describeSchedule(p, s),
    }
  })
}

/** The schedule in one line for people. */
const describeSchedule = (p: ScanProgram, s: ScanSchedule): string => {
  const who = s.team === 1 ? 'one thread a lane' : `one workgroup of ${s.team} a lane`
  const threads = s.team === 1 ? `, workgroups of ${s.threads}` : ''
  const { axis, direction } = p.loop
  const turns = axis.extent === 1 ? 'one iteration' : `${axis.extent} iterations`
  return `scan, ${turns} ${direction} inside the kernel, ${who}${threads}`
}

/** Declares an array of a lane. */
const declareArray = (name: string, inner: readonly Axis[], dtype: DType, kernel: ScanKernel): LaneArray => {
  const type = `array<${elementType(dtype)}, ${arrayElements(inner)}>`
  if (kernel.s.team > 1) kernel.shared.push(`var<workgroup> ${name}: ${type};`)
  else kernel.w.root.add(`var ${name}: ${type};`)
  return { name, dtype, inner }
}

/** Runs through the elements of a lane's array; the threads of a workgroup take turns. */
const overElements = (
  inner: readonly Axis[],
  outer: Block,
  { s, w }: ScanKernel,
  write: (block: Block, at: string) => void,
): void => {
  const count = arrayElements(inner)
  const j = w.fresh('j')
  const block =
    s.team === 1
      ? outer.inner(
          `for (var ${j} = 0; ${j} < ${count <= mostUnrolled ? count : w.loopBound(count)}; ${j}++) {`,
        )
      : count <= s.team
        ? outer.inner(count === s.team ? '{' : `if (i32(local) < ${count}) {`)
        : outer.inner(`for (var ${j} = i32(local); ${j} < ${w.loopBound(count)}; ${j} += ${s.team}) {`)
  const at = s.team > 1 && count <= s.team ? w.nameIndex(block, 'i32(local)', 'at').text : j
  w.unflatten(at, inner, block)
  write(block, at)
  outer.close(block)
}

/** The text that puts a value into an array's element. */
const assign = ({ name, dtype }: LaneArray, at: string, value: string): string =>
  `${name}[${at}] = ${dtype === 'bool' ? `u32(${value})` : value};`

/** Declares a carried value and loads the initial one. */
const startCarry = (c: ScanProgram['carries'][number], kernel: ScanKernel): LaneArray => {
  const { w } = kernel
  const name = w.fresh('carry')
  const { storage, address } = c.start
  if (c.inner.length === 0) {
    w.root.add(`var ${name} = ${w.load(storage, address, c.dtype, w.root).text};`)
    return { name, dtype: c.dtype, inner: c.inner }
  }
  const array = declareArray(name, c.inner, c.dtype, kernel)
  overElements(c.inner, w.root, kernel, (block, at) => {
    block.add(assign(array, at, w.load(storage, address, c.dtype, block).text))
  })
  kernel.unseen.add(c.id)
  return array
}

/** Whether a phase reads an array at other elements than the one that its thread has written. */
const readsOthers = (x: ScanPhase, array: NodeId): boolean => {
  const own = affineOf(flatIndex(x.inner))
  return readsOf(x.value).some(r => {
    if (r.node !== localOf(array) || r.at.length === 0) return false
    const at = affineOf(r.at[0]!)
    return (
      x.inner.length === 0 ||
      at.rest.size > 0 ||
      at.constant !== own.constant ||
      at.terms.size !== own.terms.size ||
      [...own.terms].some(([id, t]) => coefficientOf(at, id) !== t.coefficient)
    )
  })
}

/** Makes what other threads have written visible, if a phase reads it. */
const waitForOthers = (x: ScanPhase, block: Block, { s, unseen }: ScanKernel): void => {
  if (s.team === 1 || ![...unseen].some(id => readsOthers(x, id))) return
  block.add('workgroupBarrier();')
  unseen.clear()
}

/** Writes a node of an iteration: a number of the lane, or all elements of an array. */
const writePhase = (x: ScanPhase, root: Block, kernel: ScanKernel): void => {
  const { w, unseen } = kernel
  waitForOthers(x, root, kernel)
  const { id, dtype } = x.node
  if (x.inner.length === 0) {
    const value = phaseValue(x, root, kernel)
    root.locals.set(localOf(id), value)
    storePhase(x, value, root, kernel)
    return
  }
  const array = declareArray(w.fresh('array'), x.inner, dtype, kernel)
  overElements(x.inner, root, kernel, (block, at) => {
    const value = phaseValue(x, block, kernel)
    const named = value.atom ? value : w.name(block, value)
    block.add(assign(array, at, named.text))
    storePhase(x, named, block, kernel)
  })
  root.locals.set(localOf(id), { text: array.name, dtype, width: 1, atom: true })
  unseen.add(id)
}

/** The value of a node at one element: an expression, or a reduction that the thread does alone. */
const phaseValue = (x: ScanPhase, block: Block, { w }: ScanKernel): TextValue => {
  const value = w.intern(x.value)
  const { reduce } = x.node
  if (reduce === undefined) {
    const out = w.emit(value, block)
    return out.atom ? out : w.name(block, out)
  }
  const accumulator = declareAccumulator({ op: reduce.op, dtype: value.dtype, wide: false }, w, block)
  const open: Block[] = []
  let inner = block
  for (const a of x.reduce) {
    const j = w.fresh('j')
    inner = inner.inner(`for (var ${j} = 0; ${j} < ${w.loopBound(a.extent)}; ${j}++) {`)
    inner.places.set(a.id, { kind: 'scalar', text: j })
    open.push(inner)
  }
  const last = x.reduce.at(-1)
  const place = last && inner.place(last.id)!.place
  accumulator.take(w.emit(value, inner), place?.kind === 'scalar' ? place.text : '0', inner)
  for (const b of open.reverse()) b.parent!.close(b)
  return finishReduction({ op: reduce.op, accumulator, components: 'keep', lanes: 1 }, w, block)
}

/** Stores a node's value for readers outside of the loop. */
const storePhase = (x: ScanPhase, value: TextValue, block: Block, { s, w }: ScanKernel): void => {
  if (x.target === undefined) return
  const first = x.shared.map(a => prim('eq', index(a), i32(0)))
  const tests = [
    ...first.map(e => w.emit(w.intern(e), block).text),
    ...(s.team > 1 && x.inner.length === 0 ? ['local == 0u'] : []),
  ]
  const at = tests.length === 0 ? block : block.inner(`if (${tests.join(' && ')}) {`)
  w.store(x.target, value, at)
  if (at !== block) block.close(at)
}

/** Makes the next values the present ones. */
const endTurn = (carried: readonly LaneArray[], block: Block, kernel: ScanKernel): void => {
  const { p, s, unseen } = kernel
  const isRead = (id: NodeId): boolean => p.phases.some(x => readsOthers(x, id))
  const arrays = [...p.carries.map(c => c.id), ...p.phases.map(x => x.node.id)]
  if (s.team > 1 && arrays.some(isRead)) {
    block.add('workgroupBarrier();')
    unseen.clear()
  }
  p.carries.forEach((c, i) => {
    const { name } = carried[i]!
    const next = block.local(localOf(c.next))!.value
    if (c.inner.length === 0) {
      block.add(`${name} = ${next.text};`)
      return
    }
    overElements(c.inner, block, kernel, (inner, at) => {
      inner.add(`${name}[${at}] = ${next.text}[${at}];`)
    })
  })
}

/** Stores the last value of a carry. */
const storeCarry = (c: LaneArray, end: LanePlace, kernel: ScanKernel): void => {
  const { s, w } = kernel
  if (c.inner.length === 0) {
    const block = s.team === 1 ? w.root : w.root.inner('if (local == 0u) {')
    w.store(end, { text: c.name, dtype: c.dtype, width: 1, atom: true }, block)
    if (block !== w.root) w.root.close(block)
    return
  }
  overElements(c.inner, w.root, kernel, (block, at) => {
    const text = c.dtype === 'bool' ? `(${c.name}[${at}] != 0u)` : `${c.name}[${at}]`
    w.store(end, w.name(block, { text, dtype: c.dtype, width: 1 }), block)
  })
}
