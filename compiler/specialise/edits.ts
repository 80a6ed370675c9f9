/*
 * Trained edits as a value of `std.sites`, from the method `edits_of` of their recipes.
 * The edits stand in *slots*, one after the other: what comes of a slot is what the next one edits. A slot
 * holds adapters of one recipe, stacked along a first axis. Each row of a batch has its own adapter of a
 * slot, and the strength that it acts with; at strength 0 a slot changes nothing of a row.
 */
import type { CoreRecipe } from '../core/core.js'
import type { Type } from '../core/type.js'
import { i32, read } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import { callFunction } from './call-function.js'
import { bindAll, type EvalContext, evaluateCore } from './eval-context.js'
import { givenValue } from './evaluate-global.js'
import { inputValue, instantiateFields } from './parameters.js'
import { readAt } from './read-value.js'
import { type CoreValue, type GivenValue, scalar, unexpected } from './value.js'

/** The module and the record of a model's places. */
const SITES = 'std.sites'

/** Adapters of one recipe that stand side by side. */
export interface EditSlot {
  readonly recipe: CoreRecipe
  /** The settings that are not f32: they are the same for all adapters of the slot. */
  readonly settings: ReadonlyMap<string, GivenValue>
  /** The recipe's sizes. */
  readonly sizes: ReadonlyMap<string, number>
  /** How many adapters there are. */
  readonly count: number
}

/** The names of a slot's inputs. */
export const slotInputs = (slot: number) => ({
  /** i32[rows]: the adapter of each row; no input where a slot has one adapter. */
  adapter: `adapter.${slot}`,
  /** f32[rows]: how strong it is. */
  strength: `strength.${slot}`,
  /** The states of the adapters, each tensor with an axis for the adapters in front. */
  state: `edits.${slot}`,
  /** The f32 settings of the adapters, f32[count]. */
  setting: (name: string): string => `edits.${slot}.settings ${name}`,
})

/** Whether a type is that of a model's places. */
export const isSites = (t: Type): t is SitesType => t.kind === 'record' && t.record.id === `${SITES}.Sites`

/** The row at hand, whose adapter a slot chooses, and how many rows there are. */
export interface Rows {
  readonly row: Expr
  readonly count: number
}

const perRow = (c: EvalContext, name: string, rows: Rows, below?: number): Expr => {
  const dtype = below === undefined ? 'f32' : 'i32'
  return read(c.m.builder.input(name, dtype, [rows.count], { below }), dtype, [rows.row])
}

/** A recipe's state, or a setting, of the adapter at `which` of a slot. */
const stacked = (c: EvalContext, name: string, type: Type, at: { count: number; which: Expr }): CoreValue => {
  const all: Type = { kind: 'array', element: type, dims: [{ terms: new Map([['', at.count]]) }] }
  return readAt(inputValue(c.m.builder, name, all, c), [at.which])
}

/** What one slot does to the model: the value of `edits_of`. */
const slotSites = (outer: EvalContext, slot: number, edits: EditSlot, given: SlotValues): CoreValue => {
  const { recipe, settings, sizes, count } = edits
  const names = slotInputs(slot)
  const fn = recipe.methods.get('edits_of')
  if (fn === undefined) throw new Error(`recipe ${recipe.name} has no method edits_of`)
  const at = { count, which: given.which }
  let c: EvalContext = { ...outer, sizes: new Map([...outer.sizes, ...sizes]), variables: new Map() }
  for (const p of recipe.params) c = bindAll(c, [[p.id, given.model]])
  for (const s of recipe.settings) {
    if (s.isSize) continue
    const isInput = s.type.kind === 'scalar' && s.type.dtype === 'f32'
    const value = settings.get(s.name)
    if (isInput) c = bindAll(c, [[s.id, stacked(c, names.setting(s.name), s.type, at)]])
    else c = bindAll(c, [[s.id, value === undefined ? evaluateCore(c, s.value) : givenValue(s.type, value)]])
  }
  const state = fn.params[0]!
  return evaluateCore(bindAll(c, [[state.id, stacked(c, names.state, state.type, at)]]), fn.body)
}

/** What a slot's method is evaluated with: the model, and the adapter of the row at hand. */
interface SlotValues {
  readonly model: CoreValue
  readonly which: Expr
}

/** The record of a model's places, at the sizes of one model. */
export type SitesType = Extract<Type, { kind: 'record' }>

/** The functions of a record of places that a method leaves out: they give back what they get. */
const leftAlone = (c: EvalContext, type: SitesType): CoreValue => ({
  kind: 'record',
  fields: new Map(
    type.record.fields.flatMap(f =>
      f.default === undefined ? [] : [[f.name, callFunction(c, f.default, type.instance, [])] as const],
    ),
  ),
})

/** Whether a function of a place gives back its last argument, whatever that is. */
const givesBack = (c: EvalContext, name: string, type: Type, f: CoreValue): boolean => {
  if (f.kind !== 'fn' || type.kind !== 'fn') return false
  const args = type.params.map((p, i) => inputValue(c.m.builder, `any ${name} ${i}`, p, c))
  return c.calls.key(f.apply(args, c.scope)) === c.calls.key(args.at(-1)!)
}

/** An edit as strong as is asked for; places that it leaves alone stay so. */
const scaledSites = (c: EvalContext, type: SitesType, strength: Expr, made: CoreValue): CoreValue => {
  const scaled = callFunction(c, `${SITES}.scaled`, type.instance, [scalar(strength), made])
  if (made.kind !== 'record' || scaled.kind !== 'record') return unexpected('record', made)
  const alone = type.record.fields.flatMap(field => {
    const f = made.fields.get(field.name)!
    const own = instantiateFields(field.type, type.instance)
    return givesBack(c, field.name, own, f) ? [[field.name, f] as const] : []
  })
  return { kind: 'record', fields: new Map([...scaled.fields, ...alone]) }
}

/**
 * All slots, one after the other, as one value of `std.sites`. Inputs are those of {@link slotInputs}. `type`
 * is the record of places, and `model` the value of the model that the recipes are about.
 */
export const composeSlots = (
  c: EvalContext,
  slots: readonly EditSlot[],
  rows: Rows,
  { type, model }: { readonly type: SitesType; readonly model: CoreValue },
): CoreValue =>
  slots.reduce<CoreValue>(
    (before, slot, i) => {
      const names = slotInputs(i)
      const which = slot.count === 1 ? i32(0) : perRow(c, names.adapter, rows, slot.count)
      const made = slotSites(c, i, slot, { model, which })
      const own = scaledSites(c, type, perRow(c, names.strength, rows), made)
      return i === 0 ? own : callFunction(c, `${SITES}.both`, type.instance, [before, own])
    },
    leftAlone(c, type),
  )
