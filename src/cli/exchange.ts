import type { Command } from 'commander'
import { UserError } from '../errors/user-error.js'
import { exportAdapter, importAdapter } from '../runs/foreign-adapter.js'
import { allowOption, count, examples, print } from './shared.js'

interface ExportOptions {
  readonly out: string
  readonly peft?: true
  readonly reference?: true
  readonly force?: true
}

interface ImportOptions {
  readonly out: string
  readonly model: string
  readonly allow?: readonly string[]
  readonly force?: true
}

const writeForeign = async (run: string, o: ExportOptions): Promise<void> => {
  if ((o.peft === undefined) === (o.reference === undefined))
    throw new UserError({
      what: o.peft === undefined ? 'no format is named' : 'two formats are named',
      hint: "add --peft for LoRA as PEFT loads it, or --reference for JoLA as its authors' code has it",
      exitCode: 2,
    })
  const names = await exportAdapter(run, o.peft ? 'peft' : 'reference', o)
  print(`wrote ${o.out}: ${count(names.length, 'tensor')}`)
}

/** Adds `jola export`. */
export const registerExportCommand = (program: Command): void => {
  program
    .command('export')
    .argument('<run>', "a run's folder")
    .requiredOption('--out <dir>', 'the folder to write')
    .option('--peft', 'LoRA as PEFT loads it')
    .option('--reference', "JoLA with the parameter names of its authors' code")
    .option('--force', 'replace an adapter that is there')
    .addHelpText('after', examples(['export runs/lora --peft --out lora-for-peft']))
    .action(writeForeign)
}

const readForeign = async (path: string, o: ImportOptions): Promise<void> => {
  const made = await importAdapter({ ...o, path }, o)
  print(`wrote ${o.out}: an adapter of ${made.program}, ${count(made.tensors.length, 'tensor')}`)
}

/** Adds `jola import`. */
export const registerImportCommand = (program: Command): void => {
  program
    .command('import')
    .argument('<adapter>', 'a folder with adapter_model.safetensors, or a file of safetensors')
    .requiredOption('--model <dir>', 'the model that it was trained on')
    .requiredOption('--out <dir>', 'the folder to write')
    .addOption(allowOption())
    .option('--force', 'replace an adapter that is there')
    .addHelpText('after', examples(['import peft-adapter --model MODEL --out runs/lora']))
    .action(readForeign)
}
