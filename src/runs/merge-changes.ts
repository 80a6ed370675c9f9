import { inputsBehind } from '../../compiler/ir/affine-in.js'
import { sortGraph } from '../../compiler/ir/graph.js'
import type { Graph } from '../../compiler/ir/ir.js'
import type { Device, HostInput } from '../../runtime/index.js'
import { deviceEngine, type HostTensor } from '../engine/engine.js'
import { readBound } from '../model/weights.js'
import { slotValues } from '../predict/slot-tensors.js'
import type { MergeSubject } from './merge-subject.js'

/** The outputs that the edits change; the others are the model's own tensors. */
export const changedOutputs = (graph: Graph): Graph =>
  sortGraph({
    ...graph,
    outputs: graph.outputs.filter(o =>
      [...inputsBehind(graph, o.node)].some(n => /^(edits|strength)\./.test(n)),
    ),
  })

/** Computes the changed tensors, by the fields of the model's record. */
export const computeChanged = async (
  device: Device,
  graph: Graph,
  subject: MergeSubject,
  values: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, HostTensor>> => {
  const { bound, model, planned } = subject
  const inputs = new Map<string, HostInput>()
  for (const node of graph.nodes) {
    if (node.kind !== 'input') continue
    const own = bound.tensors.find(t => t.spec.name === node.name)
    const number = values.get(node.name)
    const data =
      own !== undefined
        ? await readBound(model.checkpoint!, own, model)
        : number !== undefined
          ? Float32Array.of(number)
          : (await slotValues(node.name, planned.adapters))!.data
    inputs.set(node.name, { dtype: 'f32', shape: node.shape, data })
  }
  return graph.outputs.length === 0 ? new Map() : deviceEngine(device).run(graph, inputs, { name: 'merge' })
}

/** The changed tensors that are not, number by number, what they were. */
export const reallyChanged = async (
  { bound, model, home }: MergeSubject,
  computed: ReadonlyMap<string, HostTensor>,
): Promise<ReadonlyMap<string, ArrayLike<number>>> => {
  const out = new Map<string, ArrayLike<number>>()
  for (const [name, { data }] of computed) {
    const field = `${home.param.name}.${name}`
    const own = bound.tensors.find(t => t.spec.name === field)
    const fill = bound.absent.get(field) ?? 0
    const before = own === undefined ? undefined : await readBound(model.checkpoint!, own, model)
    if (
      Array.prototype.some.call(
        data,
        (x: number, i: number) => x !== (before === undefined ? fill : before[i]),
      )
    )
      out.set(field, data)
  }
  return out
}
