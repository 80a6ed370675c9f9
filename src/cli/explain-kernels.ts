import type { Artifact, Step } from '../../compiler/artifact.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { packInputs, planned, simplified } from '../../compiler/pipeline.js'
import { specialiseFn } from '../../compiler/specialise/specialise.js'
import { type DeviceError, showBytes } from '../../runtime/errors.js'
import { refusalOf } from '../../runtime/node.js'
import { type KernelUse, kernelUses } from '../measure/kernel-uses.js'
import { type CallOptions, prepareCall } from './call/prepare.js'
import { type DeviceChoice, openTraits } from './explain-device.js'
import { gradientOf } from './grad.js'
import { count, paint } from './shared.js'

/**
 * A report about a function's kernels. Node counts are those of the graph; `derivative` counts the nodes that
 * --wrt added.
 */
export interface Explanation {
  readonly function: string
  readonly device: string
  readonly sizes: Readonly<Record<string, number>>
  readonly nodes: { readonly before: number; readonly after: number; readonly derivative?: number }
  readonly dispatches: number
  readonly flops: number
  readonly bytes: number
  readonly peakBytes: number
  /** A lower bound for the bytes of the same steps. */
  readonly leastBytes: number
  readonly inputBytes: number
  /** The iterations of each loop and of its inner loops: `6 turns (in each 8 turns)`. */
  readonly loops: readonly string[]
  /** The reason why this device would refuse `jola run`, if it would. */
  readonly refusal?: string
  readonly kernels: readonly KernelUse[]
}

const loopsOf = (steps: readonly Step[]): readonly string[] =>
  steps.flatMap(s => {
    if (s.kind !== 'loop') return []
    const inside = loopsOf(s.steps)
    return [`${s.count} turns${inside.length === 0 ? '' : ` (in each ${inside.join(', ')})`}`]
  })

/** Compiles a function, or with `wrt` its value and gradient, and reports its kernels. */
export const explainFunction = async (
  options: Omit<CallOptions, 'inputs'> & { readonly memory?: number; readonly device: DeviceChoice },
): Promise<Explanation> => {
  const call = await prepareCall({ ...options, inputs: 'none' })
  try {
    const { wrt } = options
    const graph: Graph =
      wrt === undefined
        ? specialiseFn(call.program, call.fn, call.bindings)
        : gradientOf(call, wrt, options.file)
    const simple = packInputs(simplified(graph), call.packing)
    const valueAlone =
      wrt === undefined
        ? undefined
        : simplified({ ...graph, outputs: graph.outputs.filter(o => o.name === 'value') })
    const { traits, device } = await openTraits(options.device)
    let artifact: Artifact
    let refusal: DeviceError | undefined
    try {
      artifact = planned(simple, traits, { name: call.fn.name, memory: options.memory })
      refusal = device && refusalOf(device, artifact)
    } finally {
      device?.close()
    }
    const kernels = kernelUses(artifact)
    const total = (f: (k: KernelUse) => number): number =>
      kernels.reduce((n, k) => n + f(k) * k.dispatches, 0)
    return {
      function: call.fn.id,
      device: traits.name,
      sizes: Object.fromEntries(call.bindings.sizes),
      nodes: {
        before: graph.nodes.length,
        after: simple.nodes.length,
        ...(valueAlone === undefined ? {} : { derivative: simple.nodes.length - valueAlone.nodes.length }),
      },
      dispatches: kernels.reduce((n, k) => n + k.dispatches, 0),
      flops: total(k => k.flops),
      bytes: total(k => k.bytes),
      peakBytes: artifact.peakBytes,
      leastBytes: artifact.leastBytes,
      loops: loopsOf(artifact.steps),
      inputBytes: artifact.buffers.filter(b => b.role === 'input').reduce((n, b) => n + b.bytes, 0),
      ...(refusal === undefined ? {} : { refusal: refusal.message }),
      kernels,
    }
  } finally {
    await call.close()
  }
}

const showFlops = (n: number): string => {
  const units = ['', ' k', ' M', ' G', ' T']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, n)) / 3)))
  return `${(n / 1000 ** power).toFixed(power === 0 ? 0 : 1)}${units[power]} FLOP`
}

const showKernel = (k: KernelUse, i: number, wgsl: boolean): string =>
  [
    `${paint('bold', `${i + 1}. ${k.name}`)}  ${k.schedule}`,
    `   ${count(k.dispatches, 'dispatch').replace('dispatchs', 'dispatches')} of ` +
      `${k.workgroups.join('×')} workgroups of ${k.workgroupSize.join('×')}; ` +
      `${showFlops(k.flops)}, ${showBytes(Math.round(k.bytes))} each; ` +
      `${count(k.bindings.length, 'binding')} (${k.bindings.filter(b => b === 'read_write').length} ` +
      'written)',
    ...(k.chosen && k.chosen.candidates.length > 1
      ? [`   one of ${count(k.chosen.candidates.length, 'schedule')} for ${k.chosen.signature}`]
      : []),
    ...(k.origins.length > 0 ? [`   from ${k.origins.join('\n        ')}`] : []),
    ...(wgsl
      ? [
          '',
          ...k.wgsl
            .trimEnd()
            .split('\n')
            .map(l => `   ${l}`),
        ]
      : []),
  ].join('\n')

/** The explanation as text. */
export const showExplanation = (e: Explanation, wgsl: boolean): string => {
  const sizes = Object.entries(e.sizes)
    .map(([n, v]) => `${n}=${v}`)
    .join(' ')
  const { before, after, derivative } = e.nodes
  return [
    `${paint('bold', e.function)}${sizes === '' ? '' : `  ${sizes}`}`,
    `for ${e.device}`,
    `${count(before, 'node')} before simplification, ${after} after` +
      (derivative === undefined ? '' : `; ${derivative} of them are the derivative's`),
    `${count(e.kernels.length, 'kernel')}, ` +
      `${count(e.dispatches, 'dispatch').replace('dispatchs', 'dispatches')}, ` +
      `${showFlops(e.flops)}, ${showBytes(Math.round(e.bytes))} read and written`,
    `peak memory ${showBytes(e.peakBytes)}, of which inputs ${showBytes(e.inputBytes)}; ` +
      `these steps need ${showBytes(e.leastBytes)} at least`,
    ...(e.loops.length > 0 ? [`loops: ${e.loops.join(', ')}`] : []),
    '',
    e.kernels.map((k, i) => showKernel(k, i, wgsl)).join('\n\n'),
  ].join('\n')
}
