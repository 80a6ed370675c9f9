import type { MethodSummary, Summary, TaskSummary } from './summary.js'

const listed = (methods: readonly MethodSummary[]): string => methods.map(m => m.title).join(' · ')

const ofTask = (task: TaskSummary, against: string, sizes: number): readonly string[] => {
  const where = sizes > 1 ? `${task.task}, ${task.trainSize} examples` : task.task
  const most = Math.max(...task.methods.map(m => m.mean))
  const best = task.methods.filter(m => m.mean === most)
  const compared = task.methods.filter(m => m.difference !== undefined)
  const better = compared.filter(m => m.difference!.low > 0)
  const worse = compared.filter(m => m.difference!.high < 0)
  const open = compared.filter(m => m.difference!.low <= 0 && m.difference!.high >= 0)
  const parts = [
    ...(better.length === 0 ? [] : [`better: ${listed(better)}`]),
    ...(worse.length === 0 ? [] : [`worse: ${listed(worse)}`]),
    ...(open.length === 0 ? [] : [`not told apart: ${listed(open)}`]),
  ]
  return [
    `${where}: ${listed(best)} ${best.length === 1 ? 'has' : 'have'} the highest mean.`,
    ...(parts.length === 0 ? [] : [`Against ${against}, by the 95 % intervals: ${parts.join('; ')}.`]),
  ]
}

/**
 * What a comparison says, in sentences: which method has the highest mean, and which differ from the one that
 * all are compared with by more than their intervals. Each interval stands for itself: of twenty, one misses
 * by chance.
 */
export const conclusionsOf = ({ plan, tasks, families }: Summary): readonly string[] => {
  const against = plan.methods.find(m => m.name === plan.against)?.title ?? plan.against
  return [...tasks, ...families].map(task => ofTask(task, against, plan.trainSizes.length).join(' '))
}
