// Kills a training run with SIGKILL at random moments, goes on with it each time, and compares how it ends
// with a run that was left alone.
//
//     npx tsx scripts/kills.ts [--count 100] [--seed 1] [--model DIR]
//
// Prints a line a kill, and the verdict. Exit code 1 where a byte of the state, the best state or the adapter
// differs, or a run can't go on.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { random32 } from '../src/data/random.js'
import { RunFolder } from '../src/runs/run-folder.js'

const root = fileURLToPath(new URL('..', import.meta.url))

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    model: { type: 'string', default: join(root, 'examples/quickstart/model') },
  },
})
const count = Number(values.count)
const seed = Number(values.seed)

const work = mkdtempSync(join(tmpdir(), 'jola-kills-'))
const data = join(work, 'data')
mkdirSync(data)
const example = (i: number): string =>
  `${JSON.stringify({ prompt: `Where is number ${i}? `, answer: 'ABCD'[i % 4] })}\n`
writeFileSync(join(data, 'train.jsonl'), Array.from({ length: 24 }, (_, i) => example(i)).join(''))
writeFileSync(join(data, 'valid.jsonl'), Array.from({ length: 12 }, (_, i) => example(100 + i)).join(''))

/** The command line, built; saving after every step, and validating after every third. */
const command = (out: string, resume: boolean, cache: string): ReturnType<typeof spawn> =>
  spawn(
    process.execPath,
    [
      join(root, 'dist/src/cli/main.js'),
      ...['train', 'std.recipes.jola', '--model', values.model, '--data', data, '--out', out],
      ...['--set', 'epochs=12', '--set', 'patience=99', '--save-every', '0.000001'],
      ...(resume ? ['--resume'] : []),
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, JOLA_TUNE: '0', MESA_SHADER_CACHE_DIR: join(work, cache) },
    },
  )

interface End {
  readonly code: number | null
  readonly said: string
  /** Milliseconds from its beginning, and from its first step, to its end. */
  readonly whole: number
  readonly training: number
}

/** When to kill: so many milliseconds after the beginning, or after training has begun. */
interface Moment {
  readonly after: 'begin' | 'training'
  readonly wait: number
}

/** Runs it to its end, or to a moment. */
const run = (out: string, resume: boolean, cache: string, moment?: Moment): Promise<End> =>
  new Promise(resolve => {
    const began = Date.now()
    const child = command(out, resume, cache)
    let said = ''
    let training: number | undefined
    let timer: NodeJS.Timeout | undefined
    const killSoon = (): void => {
      timer = setTimeout(() => child.kill('SIGKILL'), moment!.wait)
    }
    child.stderr!.on('data', (text: Buffer) => {
      said = `${said}${text.toString()}`.slice(-2000)
      if (training !== undefined || !said.includes('numbers to train')) return
      training = Date.now()
      if (moment?.after === 'training') killSoon()
    })
    if (moment?.after === 'begin') killSoon()
    child.on('close', code => {
      clearTimeout(timer)
      const now = Date.now()
      resolve({ code, said, whole: now - began, training: now - (training ?? now) })
    })
  })

const files = ['state.safetensors', 'best.safetensors', 'adapter_model.safetensors']

const sameBytes = (a: string, b: string): readonly string[] =>
  files.filter(file => !readFileSync(join(a, file)).equals(readFileSync(join(b, file))))

/** What a run leaves beside its files: nothing. */
const litter = (folder: string): readonly string[] => readdirSync(folder).filter(name => name.startsWith('.'))

const fail = (text: string): never => {
  console.error(`FAILED: ${text}\nthe runs are in ${work}`)
  process.exit(1)
}

const alone = join(work, 'alone')
const cold = await run(alone, false, 'cache')
if (cold.code !== 0) fail(`the run that is left alone: ${cold.said}`)
const warm = await run(join(work, 'warm'), false, 'cache')
const shown = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
console.log(
  `a run takes ${shown(warm.whole)}, ${shown(warm.training)} of them training, and ` +
    `${shown(cold.whole)} where kernels are compiled`,
)

const ends = new Map<string, number>()
let kills = 0
let runs = 0
for (let out = join(work, 'run-0'); kills < count; out = join(work, `run-${runs}`)) {
  for (let attempt = 0; ; attempt++) {
    const chance = random32(seed, runs, attempt) / 2 ** 32
    // Of eight starts one compiles its kernels anew, two are killed anywhere, and five while they train.
    const kind = random32(seed + 1, runs, attempt) % 8
    const isCold = kind === 0
    const moment: Moment =
      kind < 3
        ? { after: 'begin', wait: chance * (isCold ? cold.whole : warm.whole) }
        : { after: 'training', wait: chance * warm.training }
    const begun = await new RunFolder(out).descriptionIfAny()
    const cache = isCold ? `cache-${runs}-${attempt}` : 'cache'
    const end = await run(out, begun !== undefined, cache, kills < count ? moment : undefined)
    if (isCold) rmSync(join(work, cache), { recursive: true, force: true })
    if (end.code === 0) break
    if (end.code !== null) fail(`it could not go on: ${end.said}`)
    kills++
    const position = await new RunFolder(out).position()
    const where = position === undefined ? 'before its first state' : `after step ${position.step}`
    ends.set(where, (ends.get(where) ?? 0) + 1)
    console.log(
      `kill ${kills}: ${shown(moment.wait)} after its ${moment.after}, ${where}` +
        (isCold ? ', compiling anew' : ''),
    )
  }
  const differing = sameBytes(alone, out)
  if (differing.length > 0) fail(`${out} ends in other bytes: ${differing.join(', ')}`)
  if (litter(out).length > 0) fail(`${out} has left ${litter(out).join(', ')}`)
  rmSync(out, { recursive: true, force: true })
  runs++
}
console.log(`${kills} kills over ${runs} runs: each ended in the same bytes as the run that was left alone`)
console.log(
  [...ends]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, n]) => `${n} ${k}`)
    .join('; '),
)
rmSync(work, { recursive: true, force: true })
