import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { UserError } from '../errors/user-error.js'
import { writeAtomic } from '../files/atomic.js'
import { type LoadedProgram, loadProgram } from '../folders/load-program.js'
import { familyModules } from '../folders/model-program.js'
import { openCheckpoint } from '../folders/open-checkpoint.js'
import { readConfig } from '../folders/open-model.js'
import type { JsonObject } from '../json/json-values.js'
import { ConfigReader } from '../model/config-reader.js'
import { readConstants } from '../model/config-values.js'
import { unreadEntries } from '../model/door.js'
import { sketchOf } from '../sketch/sketch.js'
import { type Written, writeSketch } from '../sketch/write.js'
import { count, examples, print, printJson, remark } from './shared.js'

/** Remarks about the entries of a configuration that a program does not read, or reads otherwise. */
const unreadBy = ({ program, modules }: LoadedProgram, config: JsonObject): readonly string[] => {
  const reader = new ConfigReader(config)
  readConstants(program, reader)
  for (const { from } of program.modules.get(modules[0]!)!.sizes.values())
    if (from !== undefined) reader.value(from, 'size')
  return [...reader.problems, ...unreadEntries(reader)].map(
    p => `config.json, ${p.names.join(' and ')}: ${p.why}`,
  )
}

/** Writes the program for a model's folder to a file, and checks it. */
export const newProgram = async (from: string, file: string): Promise<Written> => {
  const config = await readConfig(from)
  const checkpoint = await openCheckpoint(from)
  await checkpoint.close()
  const sketch = sketchOf(checkpoint.tensors, config)
  await writeAtomic(file, [writeSketch(sketch).text])
  const written = writeSketch(sketch, unreadBy(loadProgram([file]), config))
  await writeAtomic(file, [written.text])
  loadProgram([file])
  return written
}

interface Options {
  readonly from: string
  readonly out?: string
  readonly force?: true
  readonly json?: true
}

const run = async (o: Options): Promise<void> => {
  const { model_type: family } = await readConfig(o.from)
  const module = typeof family === 'string' ? familyModules().get(family) : undefined
  const file = o.out ?? join('.', `${String(family ?? 'model').replaceAll(/\W+/g, '_')}.jola`)
  if (existsSync(file) && !o.force)
    throw new UserError({
      what: 'the file is there already',
      where: file,
      hint: 'name another by --out, or write over it by --force',
    })
  const { notes } = await newProgram(o.from, file)
  if (o.json) return printJson({ file, notes })
  if (module !== undefined) remark(`the family ${family} has a program already: ${module}`)
  print(`${file} is written, and checks`)
  if (notes.length > 0)
    print([`${count(notes.length, 'thing')} to look after:`, ...notes.map(n => `  - ${n}`)].join('\n'))
  print(`then: jola generate --model ${o.from} --program ${file} --prompt "…"`)
}

/** Adds `jola new`. */
export const registerNewCommand = (program: Command): void => {
  program
    .command('new')
    .requiredOption('--from <dir>', 'the model, as a folder in the Hugging Face layout or a GGUF file')
    .option('--out <file>', 'the file to write; by default the family with .jola')
    .option('--force', 'write over a file that is there')
    .option('--json', 'print what is to be looked after as JSON')
    .addHelpText('after', examples(['new --from MODEL', 'new --from MODEL --out models/mine.jola']))
    .action(run)
}
