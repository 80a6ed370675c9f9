/*
 * Fitting a graph into memory: trading operations and dispatches for bytes.
 * 1. Rematerialisation (`rematerialise.ts`): what a forward loop would keep for the backward loop is
 *    computed again there, where that costs few operations (Chen et al., "Training deep nets with
 *    sublinear memory cost", 2016; Griewank and Walther's checkpointing with the loop's carries as
 *    checkpoints).
 * 2. Chunking (`chunk-tensors.ts`): a large tensor and its readers are computed a chunk at a time in a
 *    loop, so that the scores of attention or the logits of all tokens never exist whole.
 * For example `loss = sum t -> log(sum v -> exp(logits[t, v]))` becomes a loop over chunks of t that adds
 * up.
 * Buffers are placed later, in the room `plan`. Nothing happens to graphs of small tensors.
 */
import type { DeviceTraits } from '../artifact.js'
import { fuseNodes } from '../fuse/fuse.js'
import { normalise } from '../fuse/normalise.js'
import { elementsOf } from '../ir/graph.js'
import type { Graph } from '../ir/ir.js'
import { verified } from '../ir/verify.js'
import { type ChunkOptions, chunkLargeTensors, sliceBytes } from './chunk-tensors.js'
import { type KeptNode, rematerialise } from './rematerialise.js'

/** The limits from which memory is traded for operations. Sizes are in bytes. */
export interface MemoryLimits extends ChunkOptions {
  /** A larger tensor that one loop stores for another is recomputed there, if that takes few operations. */
  readonly kept: number
  /** Operations an element at most; what no binding can hold is made again at any cost. */
  readonly operations: number
}

const MiB = 2 ** 20

/**
 * From which size on a tensor is made a chunk at a time, and how large chunks are: what stays in a cache is
 * worth the dispatches. 512 operations an element make a softmax again for heads of up to 240 numbers, but
 * no product with a matrix of weights.
 */
export const memoryLimits = (traits: DeviceTraits): MemoryLimits => {
  const { largest, target, kept } = traits.software
    ? { largest: 64 * MiB, target: 16 * MiB, kept: 64 * MiB }
    : { largest: 128 * MiB, target: 32 * MiB, kept: 256 * MiB }
  const bounded = (n: number): number => Math.min(n, traits.bindingBytes)
  return { largest: bounded(largest), target: bounded(target), kept: bounded(kept), operations: 512 }
}

/**
 * The bytes that a kernel binds of a tensor: its slot of the loops around, where slots lie as offsets of
 * bindings must.
 */
const boundBytes = (slot: number, all: number, traits: DeviceTraits): number =>
  slot % traits.bindingAlignment === 0 ? slot : all

/**
 * The graph without large tensors, and without large ones kept from loop to loop, where it can do without
 * them. Normalised, as it was.
 */
export const fitMemory = (graph: Graph, traits: DeviceTraits, options: MemoryLimits): Graph => {
  const least = Math.min(options.largest, options.kept, traits.bindingBytes)
  if (!graph.nodes.some(n => n.kind === 'compute' && 4 * elementsOf(n) > least)) return graph
  const stored = new Set(fuseNodes(graph, traits).flatMap(g => [...g.stored]))
  const wanted = ({ node, bytes, operations }: KeptNode): boolean =>
    stored.has(node.id) &&
    (boundBytes(sliceBytes(graph, node), bytes, traits) > traits.bindingBytes ||
      (operations <= options.operations &&
        (bytes > options.kept || sliceBytes(graph, node) > options.largest)))
  const fewer = verified(rematerialise(graph, wanted), 'remat')
  const recomputed = fewer === graph ? stored : new Set(fuseNodes(fewer, traits).flatMap(g => [...g.stored]))
  const out = chunkLargeTensors(fewer, recomputed, options)
  return out === graph ? graph : verified(normalise(verified(out, 'chunk')), 'normalise')
}

/** Below this there is nothing worth a loop. */
const smallest = 2 ** 16

/** Tighter and tighter limits, the largest tensors first; after a few steps at any cost in operations. */
export const tighterLimits = (limits: MemoryLimits): readonly MemoryLimits[] => {
  const out: MemoryLimits[] = []
  for (let n = 1; limits.largest / 2 ** n >= smallest; n++) {
    const part = (bytes: number): number => bytes / 2 ** n
    out.push({
      largest: part(limits.largest),
      target: part(limits.target),
      kept: part(limits.kept),
      operations: n <= 2 ? limits.operations : Number.POSITIVE_INFINITY,
    })
  }
  return out
}
