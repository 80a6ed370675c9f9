import { type DeviceTensor, hostArray } from '../../runtime/index.js'
import { UserError } from '../errors/user-error.js'
import type { RowEdit } from './edit-slots.js'
import type { PredictorSource } from './predictor-source.js'

/** The names of the inputs with a number for each row. */
export const rowNames = ({ rowInputs }: Pick<PredictorSource, 'rowInputs'>): ReadonlySet<string> =>
  new Set(rowInputs?.valuesOf(rowInputs.usual).keys())

/** The numbers of some rows, one map a row. */
export type RowValues = readonly ReadonlyMap<string, number>[]

/**
 * The numbers of each of `count` rows. Throws a `UserError` where edits are asked for of a model that was
 * opened without adapters, or not one for each row.
 */
export const rowValues = (
  { rowInputs }: Pick<PredictorSource, 'rowInputs'>,
  count: number,
  edits: readonly RowEdit[] | undefined,
): RowValues => {
  if (edits !== undefined && rowInputs === undefined)
    throw new UserError({
      what: 'rows cannot have adapters of their own',
      why: 'the model was opened without adapters to choose from',
      hint: 'open it by openAdapters, with all adapters that rows are to have',
    })
  if (edits !== undefined && edits.length !== count)
    throw new UserError({
      what: `${edits.length} adapters are given for ${count} rows`,
      hint: 'give one for each row; `{}` leaves a row unedited',
    })
  return Array.from({ length: count }, (_, r) =>
    rowInputs === undefined ? new Map<string, number>() : rowInputs.valuesOf(edits?.[r] ?? rowInputs.usual),
  )
}

/** Writes the numbers of rows into the tensors that take them; rows that only fill a batch have 0. */
export const writeRows = (
  tensorOf: (name: string) => DeviceTensor | undefined,
  values: RowValues,
  rows: number,
): void => {
  for (const name of values[0]?.keys() ?? []) {
    const tensor = tensorOf(name)
    const data = Array.from({ length: rows }, (_, r) => values[r]?.get(name) ?? 0)
    tensor?.write(hostArray(tensor.dtype, data))
  }
}
