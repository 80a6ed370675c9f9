import type { Artifact, KernelDecl, Step } from '../../compiler/artifact.js'

/** A kernel and how often a run dispatches it. */
export interface KernelUse extends KernelDecl {
  readonly dispatches: number
  /** The workgroups of its first dispatch. */
  readonly workgroups: readonly [number, number, number]
}

type Dispatch = Extract<Step, { kind: 'dispatch' }>

const dispatchesIn = (
  steps: readonly Step[],
  times: number,
): readonly { readonly step: Dispatch; readonly times: number }[] =>
  steps.flatMap(s =>
    s.kind === 'dispatch'
      ? [{ step: s, times }]
      : s.kind === 'loop'
        ? dispatchesIn(s.steps, times * s.count)
        : [],
  )

/** The kernels of an artifact with their dispatches, in the order of their first. */
export const kernelUses = (artifact: Artifact): readonly KernelUse[] => {
  const all = dispatchesIn(artifact.steps, 1)
  const order = [...new Set(all.map(d => d.step.kernel))]
  return order.map(k => {
    const mine = all.filter(d => d.step.kernel === k)
    return {
      ...artifact.kernels[k]!,
      dispatches: mine.reduce((n, d) => n + d.times, 0),
      workgroups: mine[0]!.step.workgroups,
    }
  })
}
