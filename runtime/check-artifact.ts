import type { Artifact, BufferDecl, KernelDecl, Packing, Step, TensorDecl } from '../compiler/artifact.js'
import { blockPacking, partTypes } from './block-packing.js'
import { ArtifactProblem, check, type Place } from './check-value.js'
import { DeviceError } from './errors.js'
import { packedBytes } from './packing.js'
import { elementsOf, showType } from './tensor.js'

/** The format that this runtime knows, and its number. */
export const artifactFormat = 'jola-artifact-2'
const version = 2

const refused = (what: string, why: string, hint: string): DeviceError =>
  new DeviceError('artifact', { what, why, hint })

const again = 'Compile it again, with `lower`, and keep it by `artifactToJson`.'

/** Throws if a value is not an artifact, or is one of another version. */
const checkFormat = (value: unknown): void => {
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined
  if (format === artifactFormat) return
  const found = /^jola-artifact-(\d+)$/.exec(String(format))
  if (found === null)
    throw refused(
      'this is no artifact of Jola',
      format === undefined
        ? `It has no format, which must be "${artifactFormat}".`
        : `Its format is ${JSON.stringify(format)}, and must be "${artifactFormat}".`,
      'Give what `lower` made, or `artifactFromJson` read.',
    )
  const older = Number(found[1]) < version
  throw refused(
    `the artifact was made by ${older ? 'an older' : 'a newer'} version of Jola`,
    `Its format is ${String(format)}, and this version runs ${artifactFormat}.`,
    older ? again : 'Run it with the version that made it, or compile it again with this one.',
  )
}

const dtypes = ['f32', 'i32', 'u32', 'bool'] as const
const packings = ['f16', 'bf16', 'q8'] as const

const packingAt = (at: Place): Packing => {
  const text = at.text()
  const types = partTypes(text)
  return types === undefined ? at.oneOf(packings) : blockPacking(types)
}
const features = ['subgroups', 'shader-f16', 'chromium-experimental-subgroup-matrix'] as const
const roles = ['input', 'output', 'temp', 'literal'] as const

const checkRequires = (at: Place): void => {
  at.list('features').forEach(f => void f.oneOf(features))
  at.list('unaddressable').forEach(t => {
    t.field('tensor').text()
    for (const name of ['elements', 'most']) t.field(name).whole()
  })
  at.optionalList('windowed')?.forEach(w => {
    w.field('tensor').text()
    w.field('bindings').whole(2)
  })
  at.list('matrices').forEach(unit => {
    for (const name of ['component', 'result']) unit.field(name).oneOf(['f16', 'f32'])
    for (const name of ['m', 'n', 'k']) unit.field(name).whole(1)
  })
  for (const name of [
    'storageBuffersPerStage',
    'bindingBytes',
    'bufferBytes',
    'workgroupInvocations',
    'workgroupBytes',
    'workgroupsPerDimension',
  ])
    at.field(name).whole()
  at.triple('workgroupSize', 1)
  const subgroups = at.optional('subgroups')
  for (const name of ['least', 'most']) subgroups?.field(name).whole(1)
  at.optional('bindingAlignment')?.whole(1)
}

const checkBuffer = (at: Place): void => {
  const bytes = at.field('bytes').whole()
  const role = at.field('role').oneOf(roles)
  const words = at.optionalList('words')
  if ((words === undefined) !== (role !== 'literal')) at.fail('a literal, and no other buffer, has words')
  words?.forEach(w => void w.whole(0, 2 ** 32 - 1))
  if (4 * (words?.length ?? 0) > bytes) at.fail(`its ${words!.length} words must fit into ${bytes} bytes`)
}

/** Bytes that a tensor takes. */
const bytesOf = ({ shape, packing }: Pick<TensorDecl, 'shape' | 'packing'>): number =>
  packing === undefined ? 4 * elementsOf(shape) : packedBytes(packing, elementsOf(shape))

const checkTensor = (at: Place, buffers: readonly BufferDecl[], kind: 'input' | 'output'): void => {
  at.field('name').text()
  const dtype = at.field('dtype').oneOf(dtypes)
  const shape = at.list('shape').map(n => n.whole())
  const buffer = at.field('buffer').whole(0, buffers.length - 1)
  const offset = at.field('offset').whole()
  const declared = at.optional('packing')
  const packing = declared === undefined ? undefined : packingAt(declared)
  if (packing !== undefined && !Number.isInteger(packedBytes(packing, elementsOf(shape))))
    at.fail(`${showType(dtype, shape, packing)} must consist of whole blocks`)
  at.optional('below')?.whole()
  const { bytes, role } = buffers[buffer]!
  if (offset % 4 !== 0 || offset + bytesOf({ shape, ...(packing ? { packing } : {}) }) > bytes)
    at.fail(
      `${showType(dtype, shape, packing)} from byte ${offset} on must lie inside its buffer ` +
        `of ${bytes} bytes`,
    )
  if (packing !== undefined && (dtype !== 'f32' || kind !== 'input')) at.fail('only f32 inputs are packed')
  if (kind === 'input' && (offset !== 0 || role !== 'input')) at.fail('an input is a buffer of its own')
}

const checkKernel = (at: Place): void => {
  for (const name of ['name', 'wgsl', 'schedule']) at.field(name).text()
  at.list('bindings').forEach(b => void b.oneOf(['read', 'read_write']))
  at.field('loops').whole(0, 4)
  if (at.optional('sizes') !== undefined && at.field('sizes').value !== true) at.fail('it has sizes, or not')
  at.triple('workgroupSize', 1)
  for (const name of ['flops', 'bytes']) at.field(name).number()
  at.list('origins').forEach(o => void o.text())
}

interface Inside {
  readonly buffers: readonly BufferDecl[]
  readonly kernels: readonly KernelDecl[]
  /** How many open sizes there are. */
  readonly sizes: number
  /** The numbers of iterations of the enclosing loops, outermost first. */
  readonly turns: readonly number[]
}

/**
 * A part of a buffer must lie inside it in every iteration of the enclosing loops; it may be cut off at the
 * buffer's end.
 */
const checkSlice = (at: Place, bytes: number, turns: readonly number[]): void => {
  const offset = at.field('offset').whole()
  at.field('size').whole(1)
  const strides = at.list('strides').map(s => s.whole())
  if (strides.length > turns.length)
    at.fail(`${strides.length} strides must be of as many loops, and ${turns.length} are around it`)
  const last = strides.reduce((sum, stride, i) => sum + stride * Math.max(0, turns[i]! - 1), offset)
  if (last >= bytes)
    at.fail(`it must begin inside its buffer of ${bytes} bytes, and begins at ${last} in the last turn`)
}

/**
 * A number that open sizes decide: parts that are numbers, numbers of that kind, or extents of open sizes.
 */
const checkCount = (at: Place, sizes: number): void => {
  if (typeof at.value === 'number') {
    at.whole()
    return
  }
  at.field('per').whole(1)
  if (at.optional('parts') !== undefined) {
    at.field('most').whole()
    for (const part of at.list('parts')) checkCount(part, sizes)
    return
  }
  at.field('size').whole(0, sizes - 1)
  for (const name of ['scale', 'step']) at.field(name).whole(1)
  at.field('shift').number()
}

const checkStep = (at: Place, inside: Inside): void => {
  const { buffers, kernels, turns } = inside
  const kind = at.field('kind').oneOf(['dispatch', 'loop', 'copy'])
  if (kind === 'loop') {
    const count = at.field('count').whole()
    at.field('direction').oneOf(['up', 'down'])
    const inner = { ...inside, turns: [...turns, count] }
    for (const step of at.list('steps')) checkStep(step, inner)
    return
  }
  if (kind === 'copy') {
    const bytes = at.field('bytes').whole()
    const ends = (['from', 'to'] as const).map(end => {
      const buffer = at.field(end).whole(0, buffers.length - 1)
      const offset = at.field(`${end}Offset`).whole()
      if (offset + bytes > buffers[buffer]!.bytes) at.fail(`it copies past the end of buffer ${buffer}`)
      if (offset % 4 !== 0 || bytes % 4 !== 0) at.fail('it must copy whole words')
      return buffer
    })
    if (ends[0] === ends[1]) at.fail('it copies within one buffer')
    return
  }
  const kernel = kernels[at.field('kernel').whole(0, kernels.length - 1)]!
  const bound = at.list('buffers').map(b => b.whole(0, buffers.length - 1))
  at.triple('workgroups', 0)
  const count = at.optional('count')
  if (count !== undefined) checkCount(count, inside.sizes)
  const slices = at.optionalList('slices')
  if (bound.length !== kernel.bindings.length || (slices !== undefined && slices.length !== bound.length))
    at.fail(`it must bind ${kernel.bindings.length} buffers, as its kernel does`)
  const written = bound.find(
    (b, i) => kernel.bindings[i] === 'read_write' && bound.indexOf(b) !== bound.lastIndexOf(b),
  )
  if (written !== undefined && slices === undefined)
    at.fail(`it writes into buffer ${written}, which it binds twice`)
  if (kernel.loops > turns.length)
    at.fail(`its kernel asks for ${kernel.loops} loops, and ${turns.length} are around it`)
  for (const [i, slice] of (slices ?? []).entries())
    if (slice.value !== null) checkSlice(slice, buffers[bound[i]!]!.bytes, turns)
}

const checkNames = (at: Place, list: string, tensors: readonly TensorDecl[]): void => {
  const names = tensors.map(t => t.name)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) at.fail(`two of its ${list} are named \`${twice}\``)
}

const checkParts = (at: Place, artifact: Artifact): void => {
  at.field('name').text()
  checkRequires(at.field('requires'))
  for (const name of ['peakBytes', 'leastBytes']) at.field(name).number()
  for (const b of at.list('buffers')) checkBuffer(b)
  for (const k of at.list('kernels')) checkKernel(k)
  at.optionalList('sizes')?.forEach(s => {
    s.field('name').text()
    s.field('most').whole()
    s.field('step').whole(1)
  })
  const { buffers, kernels, inputs, outputs } = artifact
  for (const t of at.list('inputs')) checkTensor(t, buffers, 'input')
  for (const t of at.list('outputs')) checkTensor(t, buffers, 'output')
  checkNames(at, 'inputs', inputs)
  checkNames(at, 'outputs', outputs)
  const owned = new Set(inputs.map(t => t.buffer))
  if (owned.size !== inputs.length || buffers.some((b, i) => b.role === 'input' && !owned.has(i)))
    at.fail('its input buffers must be its inputs, one each')
  outputs.forEach((o, i) => {
    const from = o.replaces === undefined ? undefined : inputs.find(t => t.name === o.replaces)
    const same = from?.dtype === o.dtype && from.shape.join() === o.shape.join() && from.packing === undefined
    if (o.replaces !== undefined && !same)
      at.list('outputs')[i]!.fail(`it replaces \`${o.replaces}\`, which must be an input of its type`)
  })
  for (const step of at.list('steps'))
    checkStep(step, { buffers, kernels, turns: [], sizes: artifact.sizes?.length ?? 0 })
}

/**
 * Throws a {@link DeviceError} of kind `artifact` if a value is not an artifact, is of another version, or
 * contradicts itself. The error names the place, the expected value and the found one. An artifact that
 * passes refers to nothing outside itself.
 */
export function checkArtifact(value: unknown): asserts value is Artifact {
  checkFormat(value)
  try {
    checkParts(check(value), value as Artifact)
  } catch (error) {
    if (!(error instanceof ArtifactProblem)) throw error
    const { name } = value as { readonly name?: unknown }
    throw refused(
      typeof name === 'string' ? `the artifact \`${name}\` is damaged` : 'the artifact is damaged',
      `${error.message}.`,
      again,
    )
  }
}

/** The steps with those inside loops. */
export const allSteps = (steps: readonly Step[]): readonly Exclude<Step, { kind: 'loop' }>[] =>
  steps.flatMap(step => (step.kind === 'loop' ? allSteps(step.steps) : [step]))
