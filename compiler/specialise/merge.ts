/*
 * Edits that become weights. The function `merge(w, sites)` of a model's module gives the model whose weights
 * have the edits in them. It is right for edits that are affine and the same at every token, which
 * `describeEdits` tells from their graphs.
 */
import type { CoreFn, CoreParam, Program } from '../core/core.js'
import { dependences, inputsBehind } from '../ir/affine-in.js'
import { i32, index } from '../ir/expr.js'
import type { Graph } from '../ir/ir.js'
import { verified } from '../ir/verify.js'
import { simplify } from '../simplify/simplify.js'
import { composeSlots, type EditSlot, isSites, type SitesType } from './edits.js'
import { bindAll, type EvalContext, evaluateCore } from './eval-context.js'
import { dimensionsOf, tensorAxes } from './fresh-axes.js'
import { inputsOf, inputValue, instantiateFields } from './parameters.js'
import { top } from './scope.js'
import { addOutputs, type Bindings, contextFor, paramValue } from './specialise.js'
import { asFn, asTensor, type CoreValue, unexpected } from './value.js'

/** A model's module, the trained edits, and what becomes numbers in them. */
export interface EditedModel {
  readonly program: Program
  /** The module's `merge`. */
  readonly fn: CoreFn
  /** The parameter whose name and type the model's tensors have. */
  readonly model: CoreParam
  readonly slots: readonly EditSlot[]
  readonly bindings: Bindings
}

/** One row: the adapter's numbers do not differ from token to token. */
const oneRow = { row: i32(0), count: 1 } as const

const sitesParam = (fn: CoreFn) => fn.params.find(p => isSites(p.type))!
const modelParam = (fn: CoreFn) => fn.params.find(p => !isSites(p.type))!

const contextOf = ({ program, fn, model: param, slots, bindings }: EditedModel) => {
  const outer = contextFor(program, bindings, fn.name)
  const model = paramValue(outer, param)
  const type = sitesParam(fn).type as SitesType
  const sites = composeSlots(outer, slots, oneRow, { type, model })
  if (sites.kind !== 'record') return unexpected('record', sites)
  return { outer, model, sites, type }
}

/** The model with the edits in its weights, one output for each tensor of its record, by the field's name. */
export const specialiseMerge = (edited: EditedModel): { graph: Graph; called: ReadonlySet<string> } => {
  const { outer, model, sites } = contextOf(edited)
  const called = new Set<string>()
  const watched = new Map(
    [...sites.fields].map(([name, f]): [string, CoreValue] => {
      if (f.kind !== 'fn') return [name, f]
      const apply: typeof f.apply = (args, scope) => {
        called.add(name)
        return f.apply(args, scope)
      }
      return [name, { ...f, apply }]
    }),
  )
  const c = bindAll(outer, [
    [modelParam(edited.fn).id, model],
    [sitesParam(edited.fn).id, { kind: 'record', fields: watched }],
  ])
  addOutputs(c, evaluateCore(c, edited.fn.body), '')
  return { graph: c.m.builder.finish(), called }
}

/** What the edits do at one place of a model. */
export interface SiteEdit {
  readonly site: string
  /** Whether they differ from token to token. */
  readonly byPlace: boolean
  /** Whether what comes out is affine in what goes in. */
  readonly affine: boolean
  /** Whether they only add what does not depend on what goes in. */
  readonly shift: boolean
}

const isTensor = (v: CoreValue): boolean => v.kind === 'tensor'

/** What the edits do at each place that they do not leave alone. */
export const describeEdits = (edited: EditedModel): readonly SiteEdit[] => {
  const { outer, sites, type } = contextOf(edited)
  const given = new Map<string, readonly string[]>()
  for (const field of type.record.fields) {
    const t = instantiateFields(field.type, type.instance)
    if (t.kind !== 'fn') continue
    const names = t.params.map((_, i) => `${field.name} ${i}`)
    const args = t.params.map((p, i) => inputValue(outer.m.builder, names[i]!, p, outer))
    const made = asTensor(asFn(sites.fields.get(field.name)!)(args, top))
    // What goes in, the last one first: that is what the place gives without an edit.
    const inputs = t.params.flatMap((p, i) => (isTensor(args[i]!) ? inputsOf(names[i]!, p) : []))
    given.set(field.name, inputs.map(s => s.name).reverse())
    addOutput(outer, field.name, made)
  }
  const graph = simplify(verified(outer.m.builder.finish(), 'specialise'))
  return graph.outputs.flatMap(({ name: site, node }): readonly SiteEdit[] => {
    const inputs = given.get(site)!
    const behind = inputsBehind(graph, node)
    if (![...behind].some(n => /^(edits|strength)\./.test(n))) return []
    const { degree, own } = dependences(graph, inputs).get(node)!
    return [
      {
        site,
        byPlace: [...behind].some(n => /^\w+ \d+\.(position|prompt)$/.test(n)),
        affine: degree <= 1,
        shift: own === 1,
      },
    ]
  })
}

const addOutput = (c: EvalContext, name: string, v: ReturnType<typeof asTensor>): void => {
  const own = tensorAxes(c.m.builder, v.shape)
  const here = { label: name, span: { source: { name: '', text: '' }, start: 0, end: 0 } }
  const made = c.m.node({ scope: top, own: dimensionsOf(own), body: v.at(own.map(index)), here })
  c.m.builder.output(name, made.id)
}
