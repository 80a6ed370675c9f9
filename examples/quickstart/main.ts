import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openNodeDevice } from '../../runtime/node.js'
import { failureOf, print, remark, renderingFor } from '../../src/cli/shared.js'
import { barFor } from '../../src/cli/train.js'
import { writeAtomic } from '../../src/files/atomic.js'
import { formatDuration, startWhenKnown } from '../../src/host/progress.js'
import { renderReport } from '../../src/report/render.js'
import { makeReport } from '../../src/runs/make-report.js'
import { train } from '../../src/runs/train-run.js'

/**
 * The quickstart: JoLA on a small Llama that knows WordNet. From 200 definitions the model learns to answer
 * what kind of thing is defined, by edits of its attention heads alone. What is typed here by program can be
 * typed by hand:
 *
 *     jola train stdlib/recipes/jola.jola --model examples/quickstart/model \
 *       --data examples/quickstart/task --out quickstart
 *     jola report quickstart
 */
const settings = [
  'learning_rate=3e-2',
  'gate_rate=1e-1',
  'penalty=0.3',
  'epochs=30',
  'patience=30',
  'end_of_text=true',
]

/** The sources stand where this file stands, or one folder above its build. */
const folder = dirname(fileURLToPath(import.meta.url)).replace(/([\\/])dist([\\/])examples/, '$1examples')
const out = join(process.cwd(), 'quickstart')

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`

const run = async (): Promise<void> => {
  const started = Date.now()
  const device = await openNodeDevice()
  try {
    remark(`JoLA on ${device.traits.name}`)
    const bar = barFor('train')
    const result = await train(
      device,
      {
        file: 'std.recipes.jola',
        model: join(folder, 'model'),
        data: join(folder, 'task'),
        out,
        set: settings,
        seed: 0,
        mode: 'replace',
        dropLong: false,
        saveEvery: 60,
        bf16: false,
      },
      bar,
      new AbortController().signal,
    ).finally(bar.finish)
    const scoring = startWhenKnown('score')
    const report = await makeReport(device, [out], {
      title: 'JoLA: what kind of thing is defined?',
      samples: 8,
      progress: scoring.update,
    }).finally(scoring.finish)
    const page = join(out, 'report.html')
    await writeAtomic(page, [renderReport(report)])

    print(`\n${report.summary}\n`)
    for (const row of report.scores)
      print(`  ${row.name.padEnd(40)} ${percent(row.before[0]!.value)} → ${percent(row.after[0]!.value)}`)
    for (const fact of report.model.filter(f => f.name.includes('closed')))
      print(`  ${fact.name.padEnd(40)} ${fact.value}`)
    print('\nThe text that the model writes, before and after:')
    for (const s of report.samples.slice(0, 4))
      print(`\n  ${s.prompt}\n    before: ${s.before.trim()}\n    after:  ${s.after.trim()}`)
    print(`\nThe report: ${page}`)
    print(`The adapter (${result.description.trainable} numbers): ${join(out, 'adapter_model.safetensors')}`)
    print(`All of it took ${formatDuration((Date.now() - started) / 1000)}.`)
  } finally {
    device.close()
  }
}

try {
  await run()
} catch (error) {
  const { text, exitCode } = failureOf(error, renderingFor(process.stderr))
  remark(text)
  process.exitCode = exitCode
}
