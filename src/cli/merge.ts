import { type Command, Option } from 'commander'
import { openNodeDevice } from '../../runtime/node.js'
import { mergeRun } from '../runs/merge-run.js'
import { type MergedType, mergedTypes } from '../runs/merged-tensors.js'
import { adapterSum } from './eval.js'
import { allowOption, examples, modelOption, print, printJson, remark } from './shared.js'

interface Options {
  readonly out: string
  readonly model?: string
  readonly dtype: MergedType
  readonly allow?: readonly string[]
  readonly force?: true
  readonly withoutBiases?: true
  readonly json?: true
}

const run = async (adapters: string, o: Options): Promise<void> => {
  const device = await openNodeDevice()
  try {
    const result = await mergeRun(device, { ...o, adapters: adapterSum(adapters) })
    if (result.forced.length > 0) remark(`going on all the same (--force): ${result.forced.join('; ')}`)
    if (o.json) {
      printJson({ ...result, out: o.out })
      return
    }
    print(`wrote ${o.out}`)
    if (result.changed.length > 0) print(`  changed: ${result.changed.join(', ')}`)
    for (const [name, value] of Object.entries(result.entries))
      print(`  config.json: ${name} ${value === null ? 'is left out' : `is ${JSON.stringify(value)}`}`)
    if (result.leftOut.length > 0)
      print(`  left out, since the model has no place for them: ${result.leftOut.join(', ')}`)
    print(
      "  logits on random texts differ from the edited model's by at most " +
        `${result.difference.toExponential(1)}; the largest is ${result.largest.toFixed(1)}`,
    )
  } finally {
    device.close()
  }
}

/** Adds `jola merge`. */
export const registerMergeCommand = (program: Command): void => {
  program
    .command('merge')
    .argument('<run>', "a run's folder, or several: 'runs/a + 0.5 * runs/b'")
    .requiredOption('--out <dir>', 'the folder to write')
    .addOption(modelOption())
    .addOption(new Option('--dtype <type>', 'the type of the weights').choices(mergedTypes).default('f32'))
    .addOption(allowOption())
    .option('--without-biases', 'leave out biases for which the model has no place')
    .option(
      '--force',
      'replace a model in the folder; merge even if the base model or the program has changed',
    )
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      examples(['merge runs/first --out merged', "merge 'runs/a + 0.5 * runs/b' --out merged --dtype bf16"]),
    )
    .action(run)
}
