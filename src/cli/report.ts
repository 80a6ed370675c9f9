import { join } from 'node:path'
import type { Command } from 'commander'
import { openNodeDevice } from '../../runtime/node.js'
import { writeAtomic } from '../files/atomic.js'
import { startWhenKnown } from '../host/progress.js'
import { renderReport } from '../report/render.js'
import { makeReport } from '../runs/make-report.js'
import { runsAt } from '../runs/run-folder.js'
import { unfinishedAt } from '../runs/unfinished.js'
import type { LongWay } from '../score/fit-prompts.js'
import { longOption } from './data-options.js'
import { checkWritable } from './run.js'
import { examples, positiveInteger, print, remark } from './shared.js'

interface Options {
  readonly data?: string
  readonly out?: string
  readonly samples: number
  readonly limit?: number
  readonly long: LongWay
  readonly force?: true
}

const run = async (named: readonly string[], o: Options): Promise<void> => {
  if (o.out !== undefined) checkWritable(o.out)
  const paths = (await Promise.all(named.map(runsAt))).flat()
  const device = await openNodeDevice()
  try {
    const bar = startWhenKnown('report')
    const data = await makeReport(device, paths, {
      ...o,
      forced: reasons => remark(`going on all the same (--force): ${reasons.join('; ')}`),
      progress: bar.update,
    }).finally(bar.finish)
    const file = o.out ?? join(named[0]!, 'report.html')
    await writeAtomic(file, [renderReport(data)])
    for (const row of data.scores)
      print(
        `${row.name}: ${row.before.map(s => show(row.kind, s.value)).join(', ')} before, ` +
          `${row.after.map(s => show(row.kind, s.value)).join(', ')} after`,
      )
    for (const s of data.samples.slice(0, 3))
      print(`\n  ${s.prompt}\n    before: ${s.before}\n    after:  ${s.after}`)
    for (const u of await Promise.all(paths.map(unfinishedAt))) if (u !== undefined) remark(u)
    print(`\nwrote ${file}`)
  } finally {
    device.close()
  }
}

const show = (kind: 'share' | 'number', value: number): string =>
  kind === 'share' ? `${(100 * value).toFixed(1)} %` : value.toFixed(3)

/** Adds `jola report`. */
export const registerReportCommand = (program: Command): void => {
  program
    .command('report')
    .argument('<run...>', 'folders of runs that differ in their seeds, or the one that holds them')
    .option('--data <dir>', "the data to score on; by default the run's own")
    .option('--out <file>', 'the file of the page; by default report.html in the first folder')
    .option('--samples <n>', 'texts to show before and after', positiveInteger, 8)
    .addOption(longOption())
    .option('--force', 'continue even if the model or the program has changed since training')
    .option('--limit <n>', 'score only the first n test examples', positiveInteger)
    .addHelpText('after', examples(['report runs/first', 'report runs/three']))
    .action(run)
}
