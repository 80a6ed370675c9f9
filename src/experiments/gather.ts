import type { ComparePlan } from '../compare/plan.js'
import { type Summary, summarise } from '../compare/summary.js'
import { writeAtomic } from '../files/atomic.js'
import { renderComparison } from '../report/compare-page.js'
import { compareTable } from '../report/compare-table.js'
import { type CompareFolder, compareFiles } from './compare-folder.js'

/** The command that computes a comparison. */
export const commandFor = (plan: ComparePlan): string =>
  [
    `jola compare --model ${plan.model}`,
    ...(plan.program === undefined ? [] : [`--program ${plan.program}`]),
    ...(plan.data === undefined ? [] : [`--data ${plan.data}`]),
    `--task ${plan.tasks.map(t => t.name).join(',')}`,
    `--methods ${plan.methods.map(m => m.name).join(',')}`,
    `--seeds ${plan.seeds.length}`,
    `--train-size ${plan.trainSizes.join(',')}`,
    `--valid-size ${plan.validSize}`,
    ...(plan.testSize === undefined ? [] : [`--test-size ${plan.testSize}`]),
    `--tries ${plan.tries}`,
    ...plan.set.map(entry => `--set ${entry}`),
    ...(plan.score === undefined ? [] : [`--score ${plan.score}`]),
    ...(plan.beams === undefined ? [] : [`--beams ${plan.beams}`]),
    ...(plan.long === undefined ? [] : [`--long ${plan.long}`]),
    ...(plan.dropLong === true ? ['--drop-long'] : []),
    ...(plan.against === 'jola' ? [] : [`--against ${plan.against}`]),
    '--out DIR',
  ].join(' ')

/** Sums up the cells that are done, and writes the table, the numbers and the page. */
export const gather = async (folder: CompareFolder, plan: ComparePlan): Promise<Summary> => {
  const summary = summarise(plan, await folder.results(plan))
  await writeAtomic(folder.file(compareFiles.summary), [`${JSON.stringify(summary, undefined, 2)}\n`])
  await writeAtomic(folder.file(compareFiles.table), [compareTable(summary)])
  await writeAtomic(folder.file(compareFiles.page), [renderComparison(summary, commandFor(plan))])
  return summary
}
