import type { CoreParam } from '../../compiler/core/core.js'
import { evaluateSize } from '../../compiler/core/size.js'
import { type InputSpec, inputsOf } from '../../compiler/specialise/parameters.js'
import { UserError } from '../errors/user-error.js'
import type { Checkpoint } from '../safetensors/checkpoint.js'

/**
 * The source of a program's tensor: one checkpoint tensor, or one for each index of the surrounding arrays.
 */
export interface BoundTensor {
  readonly spec: InputSpec
  readonly shape: readonly number[]
  /** In row-major order of the array axes. */
  readonly names: readonly string[]
}

/**
 * A parameter bound to a checkpoint. `absent` are the tensors that the checkpoint lacks and a constant
 * replaces.
 */
export interface BoundParam {
  readonly tensors: readonly BoundTensor[]
  readonly absent: ReadonlyMap<string, number>
}

/** The names of a tensor in the order to try, and its constant if all are missing. */
export interface TensorNames {
  readonly names: readonly string[]
  readonly fill?: number
}

/**
 * The names that a tensor may have in a model's checkpoint; the model's configuration decides the conditions.
 * If a name's condition holds, no later name is tried but those of the same condition.
 */
export const namesFor = (spec: InputSpec, holds: (id: string) => boolean): TensorNames => {
  const possible = (spec.from?.names ?? []).filter(n => n.when === undefined || holds(n.when))
  const certain = possible.findIndex(n => n.when !== undefined)
  if (certain >= 0) {
    const { when } = possible[certain]!
    const rest = possible.slice(certain)
    const last = rest.findIndex(n => n.when !== when)
    const end = last < 0 ? possible.length : certain + last
    return { names: possible.slice(0, end).map(n => n.name) }
  }
  const fill = spec.from?.fill
  return { names: possible.map(n => n.name), ...(fill === undefined ? {} : { fill }) }
}

/** All index tuples below `extents`, in row-major order. */
export const indicesBelow = (extents: readonly number[]): readonly (readonly number[])[] =>
  extents.reduce<readonly (readonly number[])[]>(
    (all, n) => all.flatMap(front => Array.from({ length: n }, (_, i) => [...front, i])),
    [[]],
  )

/** A checkpoint's name for a tensor inside arrays of records: each `{}` becomes an index. */
export const nameAt = (template: string, index: readonly number[]): string => {
  let i = 0
  return template.replaceAll('{}', () => `${index[i++]}`)
}

/**
 * Whether a stored shape is the wanted one, or one in which neighbouring axes of the wanted one are joined.
 */
const sameLayout = (stored: readonly number[], wanted: readonly number[]): boolean => {
  let at = 0
  for (const n of stored) {
    let joined = 1
    while (at < wanted.length && joined < n) joined *= wanted[at++]!
    if (joined !== n) return false
  }
  while (at < wanted.length && wanted[at] === 1) at++
  return at === wanted.length
}

/** The shape of a tensor in the checkpoint: that of `as […]`, or the field's own. */
export const storedShape = (spec: InputSpec, sizes: ReadonlyMap<string, number>): readonly number[] =>
  (spec.from?.shape ?? spec.dims.slice(spec.arrayAxes)).map(d => evaluateSize(d, sizes))

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i])

/**
 * Matches a parameter's tensors with a checkpoint's by the `from` of its fields. Throws one `UserError` that
 * lists every tensor that is missing or of another shape.
 */
export const bindParam = (
  param: CoreParam,
  sizes: ReadonlyMap<string, number>,
  checkpoint: Checkpoint,
  holds: (id: string) => boolean = () => false,
): BoundParam => {
  const problems: string[] = []
  const tensors: BoundTensor[] = []
  const absent = new Map<string, number>()
  for (const spec of inputsOf(param.name, param.type)) {
    const shape = spec.dims.map(d => evaluateSize(d, sizes))
    const front = shape.slice(0, spec.arrayAxes)
    const element = shape.slice(spec.arrayAxes)
    const wanted = storedShape(spec, sizes)
    const { names: templates, fill } = namesFor(spec, holds)
    const count = front.reduce((a, b) => a * b, 1)
    if (templates.length === 0) {
      if (fill !== undefined) absent.set(spec.name, fill)
      else problems.push(`\`${spec.name}\` has no \`from\` that names a tensor of a checkpoint`)
      continue
    }
    if (count > checkpoint.tensors.size) {
      const known = countOf(templates, checkpoint)
      if (known > 0 || fill === undefined)
        problems.push(
          `${templates.join(' or ')} is there ${known} times, and \`${spec.name}\` wants ${count} of them`,
        )
      else absent.set(spec.name, fill)
      continue
    }
    const indices = indicesBelow(front)
    const found = templates.find(t => indices.every(i => checkpoint.tensors.has(nameAt(t, i))))
    if (found === undefined) {
      if (fill !== undefined && !templates.some(t => indices.some(i => checkpoint.tensors.has(nameAt(t, i)))))
        absent.set(spec.name, fill)
      else problems.push(missing(spec, templates, indices, checkpoint))
      continue
    }
    const names = indices.map(i => nameAt(found, i))
    for (const n of names) {
      const stored = checkpoint.tensors.get(n)!.shape
      const fits =
        spec.from?.shape === undefined
          ? sameLayout(stored, element)
          : sameShape(stored, wanted) || sameShape(stored, element)
      if (!fits)
        problems.push(`${n} is [${stored.join(', ')}], but \`${spec.name}\` wants [${wanted.join(', ')}]`)
    }
    tensors.push({ spec, shape, names })
  }
  if (problems.length > 0)
    throw new UserError({
      what: 'the checkpoint does not fit the model',
      where: checkpoint.path,
      why: `${
        problems.length === 1
          ? '1 tensor has another shape or is missing:'
          : `${problems.length} tensors have other shapes or are missing:`
      }\n  - ${listed(problems)}`,
      hint:
        'check that config.json and the weights are of one model, and of a family that the ' +
        'program describes',
    })
  return { tensors, absent }
}

const listed = (problems: readonly string[]): string =>
  problems.length <= 24
    ? problems.join('\n  - ')
    : [...problems.slice(0, 24), `and ${problems.length - 24} more`].join('\n  - ')

/** The number of tensors in a checkpoint whose names match one of these, with any index. */
const countOf = (templates: readonly string[], checkpoint: Checkpoint): number => {
  const like = templates.map(
    t => new RegExp(`^${t.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&').replaceAll('{}', '\\d+')}$`),
  )
  return [...checkpoint.tensors.keys()].filter(n => like.some(l => l.test(n))).length
}

const missing = (
  spec: InputSpec,
  templates: readonly string[],
  indices: readonly (readonly number[])[],
  checkpoint: Checkpoint,
): string => {
  const names = templates.map(t => indices.map(i => nameAt(t, i)).find(n => !checkpoint.tensors.has(n))!)
  return `${names.join(' or ')} is missing, for \`${spec.name}\``
}
