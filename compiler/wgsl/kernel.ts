import type { Count, KernelDecl, KernelFeature, Slice } from '../artifact.js'
import { positionOf } from '../diagnostics/source.js'
import type { Axis, ComputeNode, Origin } from '../ir/ir.js'
import { constantBits } from '../ir/wgsl-helpers.js'
import type { KernelContext } from '../kernel/context.js'
import type { KernelSpec } from '../kernel/spec.js'
import { accessesOf } from './accesses.js'
import { type BindingBase, bindingBaseOf, slicesOf, splitIntoWindows } from './slices.js'
import { Writer } from './writer.js'

/** The properties of a kernel besides its text. */
export interface Launch {
  readonly workgroupSize: readonly [number, number, number]
  readonly workgroups: readonly [number, number, number]
  /** The number of workgroups. Where open sizes decide it, `workgroups` is the grid for the most. */
  readonly count: Count
  /** One line for people: the family and its parameters. */
  readonly schedule: string
  readonly features?: readonly KernelFeature[]
  readonly shared?: readonly string[]
  /** It uses `subgroup`, the number of the subgroup in its workgroup. */
  readonly subgroupNumber?: true
}

/** A kernel, and the arguments that it is dispatched with. */
export interface EmittedKernel {
  /** The text without names of tensors. Kernels with equal keys are one kernel. */
  readonly key: string
  readonly decl: KernelDecl
  /** The storage of each binding. Windows of one buffer have the same storage. */
  readonly storages: readonly number[]
  /** The part of the storage that each binding has; undefined for the whole. */
  readonly slices: readonly (Slice | undefined)[]
  readonly workgroups: readonly [number, number, number]
  readonly count: Count
  readonly features: readonly KernelFeature[]
}

/** Variables of the kernels, WGSL's keywords, and functions that kernels call. */
const reserved = new Set(
  `slot tile subgroup lane row rows across owner own batch left right joined sums thread tx ty part
    part_m part_n t now k r i j alias break case const continue default diagnostic discard else enable
    false fn for if let loop override return switch struct true var while main loops group local lane
    sizes quotient
    array select min max exp log sqrt abs floor sign tanh sin cos pow dot step mix clamp all any fma
    target read write sum`.split(/\s+/),
)

/** WGSL's reserved words, a type, and its other built-in functions. */
const reservedByWgsl = new Set(
  `bool bitcast acos acosh asin asinh atan cosh cross degrees determinant distance faceforward floor fract
    frexp ldexp length modf normalize radians reflect refract round saturate sinh smoothstep tan
    transpose trunc NULL Self abstract active alignas alignof as asm asm_fragment async attribute
    auto await become cast catch class co_await co_return co_yield coherent column_major
    common compile compile_fragment concept const_cast
    consteval constexpr constinit crate debugger decltype delete demote demote_to_helper do dynamic_cast enum
    explicit export extends extern external fallthrough filter final finally friend from fxgroup get goto
    groupshared highp impl implements import inline instanceof interface layout lowp macro macro_rules match
    mediump meta mod module move mut mutable namespace new nil noexcept noinline nointerpolation non_coherent
    noncoherent noperspective null nullptr of operator package packoffset partial pass patch pixelfragment
    precise precision premerge priv protected pub public readonly ref regardless register reinterpret_cast
    require resource restrict self set shared sizeof smooth snorm static static_assert static_cast std
    subroutine super template this thread_local throw trait try type typedef typeid typename typeof union
    unless unorm unsafe unsized use using varying virtual volatile wgsl where with writeonly yield`.split(
    /\s+/,
  ),
)

/** The most characters that a tensor's label gives to a name. */
const longestName = 24

/** A name as a WGSL identifier that is not taken. */
const identifier = (name: string, taken: ReadonlySet<string>): string => {
  const plain =
    name
      .replace(/[^A-Za-z0-9]+/g, '_')
      .replace(/^_+|_+$/g, '')
      .slice(0, longestName) || 'x'
  const base =
    /^[0-9]/.test(plain) ||
    reserved.has(plain) ||
    reservedByWgsl.has(plain) ||
    // Other names that WGSL or the kernels define have a capital, or a digit after a letter.
    /[A-Z]|[a-z][0-9]/.test(plain)
      ? `t_${plain}`
      : plain
  let out = base
  for (let i = 2; taken.has(out); i++) out = `${base}_${i}`
  return out
}

/** A name for the kernel, from the labels of its last members. */
const kernelName = (members: readonly ComputeNode[]): string => {
  const labels = [...new Set(members.map(m => m.origin.label))]
  return identifier(labels.slice(-2).join('_'), new Set())
}

/** A grid of workgroups for a count, in up to three dimensions, none beyond the device's limit. */
export const spreadWorkgroups = (count: number, limit: number): readonly [number, number, number] => {
  if (count <= limit) return [count, 1, 1]
  const y = Math.ceil(count / limit)
  if (y <= limit) return [Math.ceil(count / y), y, 1]
  const z = Math.ceil(y / limit)
  return [limit, Math.ceil(y / z), z]
}

/** Whether a grid may have more threads than there is work for, `each` of them in a workgroup. */
export const isPartly = (work: Count, grid: readonly [number, number, number], each: number): boolean =>
  typeof work !== 'number' || grid[0] * grid[1] * grid[2] * each > work

/** WGSL's names of the features. */
const extensions: Readonly<Record<KernelFeature, string>> = {
  subgroups: 'subgroups',
  'shader-f16': 'f16',
  'chromium-experimental-subgroup-matrix': 'chromium_experimental_subgroup_matrix',
}

/** The flat number of the workgroup, as an i32 expression. */
export const flatWorkgroupIndex = (groups: readonly [number, number, number]): string =>
  groups[2] > 1
    ? `i32(group.x + ${groups[0]}u * (group.y + ${groups[1]}u * group.z))`
    : groups[1] > 1
      ? `i32(group.x + ${groups[0]}u * group.y)`
      : 'i32(group.x)'

/** The index of the loop at a depth, from the uniform that the runtime sets. */
const loopIndex = (depth: number): string => `loops.${'xyzw'[depth]}`

/**
 * Writes a kernel, again if need be. Only when all accesses are written is it known whether a buffer can be
 * an array of vectors, and whether a part of a buffer is enough.
 */
export const writeKernel = (
  ctx: KernelContext,
  spec: KernelSpec,
  write: (w: Writer) => Launch,
): EmittedKernel => {
  const scalars = new Set<number>()
  let bases: ReadonlyMap<number, BindingBase> | undefined
  for (;;) {
    const w = new Writer(ctx, scalars, bases ?? new Map())
    spec.loops.forEach((r, i) => {
      w.root.places.set(r.axis.id, { kind: 'scalar', text: `i32(${loopIndex(i)})` })
    })
    const launch = write(w)
    if (w.memory.scalarsFound.size > 0) {
      for (const s of w.memory.scalarsFound) scalars.add(s)
      continue
    }
    if (bases !== undefined) return assembleKernel(w, launch, spec, bases)
    const accesses = accessesOf(spec.members, spec.updates, ctx.placements, spec.loops)
    bases = new Map(
      w.memory.bindings.flatMap(({ storage }) => {
        const { id } = storage
        const mine = accesses.filter(a => a.storage === id)
        const base = splitIntoWindows(
          storage,
          bindingBaseOf(storage, mine, spec.loops, ctx.traits),
          ctx.traits,
        )
        return base === undefined ? [] : [[id, base] as const]
      }),
    )
    if (bases.size === 0) return assembleKernel(w, launch, spec, bases)
  }
}

/** The size of a workgroup as WGSL: trailing dimensions of 1 are left out. */
const sizeText = (size: readonly number[]): string =>
  size.filter((n, i) => i === 0 || n > 1 || size.slice(i).some(m => m > 1)).join(', ')

/** Puts the declarations and the entry point around the body. */
const assembleKernel = (
  w: Writer,
  launch: Launch,
  spec: KernelSpec,
  bases: ReadonlyMap<number, BindingBase>,
): EmittedKernel => {
  const size = launch.workgroupSize
  const body = [...w.countDeclarations().map(line => `  ${line}`), ...w.root.render('  ')]
  const usesSizes = body.some(l => l.includes('sizes.'))
  // Only the loops whose index it reads, so that equal kernels in loops of other depths are one kernel.
  const loops = spec.loops.reduce((n, _, i) => (body.some(l => l.includes(loopIndex(i))) ? i + 1 : n), 0)
  const builtins = [
    '@builtin(workgroup_id) group: vec3u',
    '@builtin(local_invocation_index) local: u32',
    ...(launch.subgroupNumber ? ['@builtin(subgroup_id) subgroup: u32'] : []),
  ]
  const features = launch.features ?? []
  const functions = w.functionTexts()
  const lines = [
    ...(features.length > 0 ? [...features.map(f => `enable ${extensions[f]};`), ''] : []),
    ...w.memory.declarations(),
    ...(loops > 0 ? ['@group(1) @binding(0) var<uniform> loops: vec4u;'] : []),
    ...(usesSizes ? ['@group(1) @binding(1) var<uniform> sizes: vec4i;'] : []),
    ...(launch.shared ?? []),
    ...constantBits([...functions, ...body].join('\n')),
    '',
    ...functions.flatMap(h => [h, '']),
    `@compute @workgroup_size(${sizeText(size)})`,
    `fn main(${builtins.join(', ')}) {`,
    ...body,
    '}',
    '',
  ]
  const key = lines.join('\n')
  const taken = new Set(w.functions.keys())
  const names = w.memory.bindings.map(b => {
    const name = identifier(b.storage.name, taken)
    taken.add(name)
    return name
  })
  const bound = w.memory.bindings.flatMap(({ storage, mode }) => {
    const base = bases.get(storage.id)
    const slices = base === undefined ? [undefined] : slicesOf(storage, base, spec.loops)
    return slices.map(slice => ({ storage: storage.id, mode, slice }))
  })
  const text = key.replace(/§(\d+)§/g, (_, i: string) => names[Number(i)]!)
  const origins = [...new Set(spec.members.map(m => showOrigin(m.origin)))]
  const header = `// ${spec.members.map(describeNode).join('\n// ')}\n// schedule: ${launch.schedule}\n`
  return {
    key: `${key}\n${launch.workgroupSize}`,
    storages: bound.map(b => b.storage),
    slices: bound.map(b => b.slice),
    workgroups: launch.workgroups,
    count: launch.count,
    features,
    decl: {
      name: kernelName(spec.members),
      wgsl: header + text,
      bindings: bound.map(b => b.mode),
      loops,
      ...(usesSizes ? { sizes: true as const } : {}),
      workgroupSize: launch.workgroupSize,
      flops: spec.flops,
      bytes: spec.bytes,
      schedule: launch.schedule,
      origins,
    },
  }
}

/** The label and the place in the source: `scores (stdlib/models/llama.jola:63)`. */
const showOrigin = ({ label, span }: Origin): string =>
  span === undefined || span.source.name === ''
    ? label
    : `${label} (${span.source.name}:${positionOf(span.source, span.start).line})`

const axisText = (a: Axis): string => `${a.name}:${a.open === undefined ? '' : '≤'}${a.extent}`

/** The node in a line: `scores: f32[t:64, s:64] = sum over e:48`. */
const describeNode = (n: ComputeNode): string => {
  const dims = n.dims
    .map(d => (d.length === 0 ? '1' : d.length === 1 ? axisText(d[0]!) : `(${d.map(axisText).join(', ')})`))
    .join(', ')
  const reduce = n.reduce ? ` = ${n.reduce.op} over ${n.reduce.axes.map(axisText).join(', ')}` : ''
  return `${n.origin.label.replace(/\s+/g, ' ')}: ${n.dtype}[${dims}]${reduce}`
}
