// Tries random inputs: `npm run fuzz -- [PART] [--count N] [--minutes N] [--seed S]`. Without a part, every
// part is run.
// Each input that breaks a promise is printed, and the exit code is then 1.
import { pathToFileURL } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import type { FuzzPart } from '../test/fuzz/part.js'
import { fuzzParts } from '../test/fuzz/parts.js'

interface Options {
  readonly count?: number
  readonly minutes?: number
  readonly seed: number
}

const number = (least: number) => (text: string) => {
  const value = Number(text)
  if (text.trim() !== '' && value >= least && value < 2 ** 32) return value
  throw new InvalidArgumentError(`It must be a number of at least ${least}.`)
}

/** Runs one part; the minutes are shared equally among the parts that are asked for. */
const runPart = async (part: FuzzPart, o: Options, parts: number): Promise<boolean> => {
  const began = Date.now()
  const minutes = o.minutes ?? (o.count === undefined ? 1 : undefined)
  const { tried, findings } = await part.run({
    seed: o.seed,
    ...(o.count === undefined ? {} : { count: o.count }),
    ...(minutes === undefined ? {} : { until: began + (minutes * 60_000) / parts }),
    say: line => console.error(line),
  })
  for (const { what, input } of findings) console.log(`${part.name}: ${what}\n${input}\n`)
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  console.log(`${part.name}: ${tried} inputs, ${findings.length} findings, seed ${o.seed}, ${seconds} s`)
  return findings.length === 0
}

const main = async (args: readonly string[]): Promise<void> => {
  const program = new Command('fuzz')
    .argument('[part]', `one of ${fuzzParts.map(p => p.name).join(', ')}; all of them unless given`)
    .option('--count <n>', 'inputs of each kind', number(1))
    .option('--minutes <n>', 'how long, in all; 1 unless this or --count is given', number(0))
    .option('--seed <n>', 'which inputs', number(0), 0)
    .addHelpText('after', `\n${fuzzParts.map(p => `  ${p.name}: ${p.about}`).join('\n')}`)
    .action(async (name: string | undefined, o: Options) => {
      const parts = fuzzParts.filter(p => name === undefined || p.name === name)
      if (parts.length === 0) program.error(`there is no part '${name}'`, { exitCode: 2 })
      for (const part of parts) if (!(await runPart(part, o, parts.length))) process.exitCode = 1
    })
  await program.parseAsync([...args], { from: 'user' })
}

// What was measured on this machine earlier is not what is tested.
process.env.JOLA_TUNE = '0'
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.slice(2))
