import { slotInputs } from '../../compiler/specialise/edits.js'
import { UserError } from '../errors/user-error.js'
import { type AdapterTerm, parseAdapters } from './adapter-sum.js'

/** The adapters of one kind, by their names, that stand side by side in a slot. */
export interface Slot {
  readonly kind: string
  readonly adapters: readonly string[]
}

/** What edits a row: a sum of adapters, as {@link parseAdapters} reads it, and how strong it is (1). */
export interface RowEdit {
  /** Without one, nothing edits the row. */
  readonly adapter?: string | undefined
  readonly strength?: number | undefined
}

/** The slots of a batch whose rows have edits of their own, and the numbers that say which row has which. */
export interface SlotPlan {
  readonly slots: readonly Slot[]
  /**
   * The numbers of a row for the inputs of the slots, by name. Throws a `UserError` for adapters that were
   * not opened.
   */
  readonly valuesOf: (edit: RowEdit) => ReadonlyMap<string, number>
}

const withAdapter = ({ kind, adapters }: Slot, adapter: string): Slot =>
  adapters.includes(adapter) ? { kind, adapters } : { kind, adapters: [...adapters, adapter] }

/**
 * Puts sums of adapters into slots, as few as possible: a term takes the next slot of its adapter's kind that
 * comes after the slot of the term before it.
 *
 * @param kindOf equal for adapters that one program computes with the same constants
 */
export const planSlots = (sums: readonly string[], kindOf: (adapter: string) => string): SlotPlan => {
  const slots: Slot[] = []
  const placed = sums.map(sum => {
    let last = -1
    const terms = parseAdapters(sum).map(({ adapter, strength }) => {
      const kind = kindOf(adapter)
      const found = slots.findIndex((slot, i) => i > last && slot.kind === kind)
      const at = found < 0 ? slots.length : found
      slots[at] = withAdapter(slots[at] ?? { kind, adapters: [] }, adapter)
      last = at
      return { slot: at, adapter, strength }
    })
    return [sum, terms] as const
  })
  const known = new Map(placed)
  const valuesOf = ({ adapter, strength: whole = 1 }: RowEdit): ReadonlyMap<string, number> => {
    const terms = adapter === undefined ? [] : known.get(adapter)
    if (terms === undefined)
      throw new UserError({
        what: `the adapter ${adapter} was not opened`,
        hint: `open it with the others; there are: ${[...known.keys()].join(', ')}`,
      })
    if (!Number.isFinite(whole))
      throw new UserError({ what: `a strength cannot be ${whole}`, hint: 'give a number, such as 0.5' })
    return new Map(
      slots.flatMap((slot, i) => {
        const term = terms.find(t => t.slot === i)
        const names = slotInputs(i)
        const which = term === undefined ? 0 : slot.adapters.indexOf(term.adapter)
        return [
          [names.adapter, which],
          [names.strength, term === undefined ? 0 : whole * term.strength],
        ] as const
      }),
    )
  }
  return { slots, valuesOf }
}

/** The folders of all adapters in these sums, each once. */
export const adaptersIn = (sums: readonly string[]): readonly string[] => [
  ...new Set(sums.flatMap(sum => parseAdapters(sum).map((t: AdapterTerm) => t.adapter))),
]
