/** `npm run families`: every family's fixture through the program, and the table in docs/models.md. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../src/errors/user-error.js'
import { interpreterEngine, openEngine } from '../src/host/open-engine.js'
import { familyFixture, familyLogits, familyNames, writeFamily } from '../test/support/families.js'

const page = join(import.meta.dirname, '..', 'docs', 'models.md')
const [begin, end] = ['<!-- families: npm run families -->', '<!-- families end -->']

/** The largest difference, infinite where a number is not one. */
const furthest = (a: ArrayLike<number>, b: Float32Array): number => {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  const differences = Array.from(b, (y, i) => Math.abs(a[i]! - y))
  return differences.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(...differences)
}

const device = process.argv.includes('--device')
const engine = device ? await openEngine('gpu') : interpreterEngine
const temporary = await mkdtemp(join(tmpdir(), 'jola-families-'))
const rows: string[] = []
let wrong = 0
for (const name of familyNames) {
  const fixture = familyFixture(name)
  const refusal = name.startsWith('refused-')
  const directory = join(temporary, name)
  await writeFamily(fixture, directory)
  const largest = Math.max(...Array.from(fixture.logits, Math.abs))
  const result = await familyLogits(engine, directory).then(
    logits => {
      const error = furthest(logits, fixture.logits)
      if (refusal || !(error <= 1e-4)) wrong++
      return refusal ? 'NOT REFUSED' : `${error.toExponential(1)}, of ${largest.toFixed(1)}`
    },
    (e: unknown) => {
      if (!(e instanceof UserError)) throw e
      if (!refusal) wrong++
      const where = e.where?.replace(/^.*config\.json, /, '').replace(/^.*\.safetensors.*$/, 'the tensors')
      return `refused: ${where} ${(e.why ?? e.what).split('\n')[0]}`
    },
  )
  rows.push(`| ${name} | ${fixture.config.model_type} | ${result} |`)
  console.log(`${name.padEnd(32)} ${result}`)
}
await rm(temporary, { recursive: true })
engine.close()
if (!device) {
  const table = ['| fixture | family | largest error of a logit |', '| --- | --- | --- |', ...rows].join('\n')
  const text = await readFile(page, 'utf8')
  const [before, after] = [text.indexOf(begin) + begin.length, text.indexOf(end)]
  await writeFile(page, `${text.slice(0, before)}\n\n${table}\n\n${text.slice(after)}`)
}
console.log(wrong === 0 ? 'every family is right or refused' : `${wrong} are neither right nor refused`)
process.exitCode = wrong === 0 ? 0 : 1
