import type { CoreParam } from '../../../compiler/core/core.js'
import { nearest } from '../../../compiler/names/suggest.js'
import { type InputSpec, inputsOf, isGiven } from '../../../compiler/specialise/parameters.js'
import type { Checkpoint } from '../../safetensors/checkpoint.js'
import { showSpec, storedAs } from './tensors.js'

/** The parameters of a call, by the sources of their values. */
export interface Sorted {
  /** Functions and choices, and tensors that were not given and have a default. */
  readonly settled: readonly CoreParam[]
  /** Bound to the model's checkpoint by `from`. */
  readonly bound: readonly CoreParam[]
  /** Made from the seed. */
  readonly keys: readonly CoreParam[]
  /** Given by name. */
  readonly given: readonly CoreParam[]
}

const specsOf = (params: readonly CoreParam[]): readonly InputSpec[] =>
  params.flatMap(p => inputsOf(p.name, p.type))

/** Sorts parameters by the sources of their values. */
export const sortParams = (
  params: readonly CoreParam[],
  file: Checkpoint | undefined,
  model: boolean,
): Sorted => {
  const inFile = (p: CoreParam): boolean => specsOf([p]).some(s => file?.tensors.has(s.name))
  const settled = params.filter(p => p.default !== undefined && (!isGiven(p) || !inFile(p)))
  const rest = params.filter(p => !settled.includes(p))
  const bound = model ? rest.filter(p => specsOf([p]).some(s => s.from !== undefined)) : []
  const keys = rest.filter(p => p.type.kind === 'key' && !inFile(p))
  return { settled, bound, keys, given: rest.filter(p => !bound.includes(p) && !keys.includes(p)) }
}

/** The problems with the names and types of a file's tensors, in words, and the missing inputs. */
export const fileProblems = (
  sorted: Sorted,
  file: Checkpoint | undefined,
): { readonly missing: readonly InputSpec[]; readonly problems: readonly string[] } => {
  const wanted = specsOf(sorted.given)
  const missing = wanted.filter(s => !file?.tensors.has(s.name))
  if (file === undefined) return { missing, problems: [] }
  const present = wanted.filter(s => file.tensors.has(s.name))
  const ofModel = new Set(specsOf(sorted.bound).map(s => s.name))
  const unexpected = [...file.tensors.keys()].filter(n => !wanted.some(s => s.name === n))
  return {
    missing,
    problems: [
      ...unexpected.map(n => {
        if (ofModel.has(n)) return `\`${n}\` is given, but --model brings it`
        const meant = nearest(
          n,
          missing.map(s => s.name),
        )
        return `\`${n}\` is not an input${meant === undefined ? '' : `; did you mean \`${meant}\`?`}`
      }),
      ...present.flatMap(s => {
        const { dtype, shape } = file.tensors.get(s.name)!
        const accepted = storedAs[s.dtype]
        return [
          ...(accepted.includes(dtype)
            ? []
            : [`\`${s.name}\` holds ${dtype}, and ${s.dtype} is read from ${accepted.join(', ')}`]),
          ...(shape.length === s.dims.length
            ? []
            : [`\`${s.name}\` has shape [${shape.join(', ')}], and it is ${showSpec(s)}`]),
        ]
      }),
    ],
  }
}
