import { type Device, DeviceError, openNodeDevice } from '../../../runtime/node.js'
import { type Finding, type FuzzOptions, type FuzzPart, type FuzzResult, goesOn } from '../part.js'
import { Choices, randomChoices, shrink } from './choices.js'
import { gathers, integers, many, shifts, specials } from './generators.js'
import { complaint, type Limits, limitsOf } from './judge.js'
import type { Generator, Sample } from './sample.js'
import { terms } from './terms.js'

/** The characters of programs, by name. */
export const generators: Readonly<Record<string, Generator>> = {
  terms,
  shifts,
  gathers,
  many,
  integers,
  specials,
}

/** A program, and the limits of the device that it is tried under: read from one list of choices. */
export const readSample = (
  kind: string,
  values: readonly number[],
  device: Device,
): { readonly sample: Sample; readonly limits: Limits } => {
  const c = new Choices(values)
  const limits = limitsOf(c, device.traits)
  return { sample: generators[kind]!(c), limits }
}

const showNumber = (x: number): string =>
  Object.is(x, -0) ? '-0' : String(x).replace('Infinity', 'inf').replace('NaN', 'nan')

/** A program as a file that repeats the finding, inputs and limits in comments. */
const shown = ({ sample, limits }: ReturnType<typeof readSample>): string =>
  [
    sample.text.trimEnd(),
    `// device: ${JSON.stringify(limits)}`,
    ...sample.inputs.map(
      i => `// ${i.name}[${i.shape.join(', ')}] = ${i.values.map(showNumber).join(' ').slice(0, 2000)}`,
    ),
  ].join('\n')

const attempts = 150

/** A program that fails as simply as can be found. */
const simplest = async (
  device: Device,
  kind: string,
  values: readonly number[],
  seed: number,
): Promise<Finding> => {
  const fails = async (v: readonly number[]): Promise<boolean> => {
    const { sample, limits } = readSample(kind, v, device)
    return (await complaint(device, sample, limits)) !== undefined
  }
  const least = await shrink(values, fails, attempts)
  const found = readSample(kind, least, device)
  const what = (await complaint(device, found.sample, found.limits)) ?? 'it fails now and then'
  return { what: `${kind}: ${what}`, input: `${shown(found)}\n// npm run fuzz -- programs --seed ${seed}` }
}

const run = async (options: FuzzOptions): Promise<FuzzResult> => {
  const { seed, say, until } = options
  const inTime = (): boolean => until === undefined || Date.now() < until
  let device: Device
  try {
    device = await openNodeDevice()
  } catch (error) {
    if (!(error instanceof DeviceError) || error.kind !== 'no-adapter') throw error
    say(`programs: no device: ${error.what}`)
    return { tried: 0, findings: [] }
  }
  const findings: Finding[] = []
  const kinds = Object.keys(generators)
  let tried = 0
  try {
    for (let round = 0; goesOn(options, round); round++)
      for (const [k, kind] of kinds.entries()) {
        if (!inTime()) break
        const values = randomChoices(seed * 1_000_003 + round * kinds.length + k, 400)
        const { sample, limits } = readSample(kind, values, device)
        tried++
        const found = await complaint(device, sample, limits)
        if (found === undefined) continue
        say(`programs: ${kind}: ${found}`)
        findings.push(await simplest(device, kind, values, seed))
        // After ten the rest is likely to be more of the same.
        if (findings.length === 10) return { tried, findings }
      }
  } finally {
    device.close()
  }
  return { tried, findings }
}

/** Random programs of several characters, on the interpreter and on the device. */
export const programs: FuzzPart = {
  name: 'programs',
  about: 'random programs give the same on the interpreter, by unfused and by fused kernels',
  run,
}
