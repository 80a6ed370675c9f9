import { type Device, type DeviceTensor, elementsOf, upload } from '../../runtime/index.js'
import { alternately, type Length, prepare, type Timed, usualLength } from '../measure/measure.js'
import { type Spread, spreadOf } from '../measure/statistics.js'
import type { Case } from './cases.js'
import { elementwise } from './handwritten/elementwise.js'
import { bindings, type HandKernel, handArtifact } from './handwritten/kernel.js'
import { type ProductShape, productByBroadcast } from './handwritten/product.js'
import { uniform } from './random-model.js'

/** An estimate of the best rate of a device. */
export interface Ceiling {
  readonly name: string
  readonly bound: Case['bound']
  readonly timed: Timed
  /** GFLOP or GB of one run. */
  readonly work: number
}

interface Candidate {
  readonly name: string
  readonly kernel: HandKernel
  readonly work: number
}

const plain = { batch: 1, left: 'mk', right: 'kn' } as const

/** Products by hand-written kernels; the fastest of them differs between devices. */
const shapes: readonly (readonly [name: string, shape: ProductShape])[] = [
  ['product 512³', { ...plain, m: 512, n: 512, k: 512 }],
  ['product A·Bᵀ 512³', { ...plain, m: 512, n: 512, k: 512, right: 'nk' }],
  ['product Aᵀ·B 512³', { ...plain, m: 512, n: 512, k: 512, left: 'km' }],
  ['product 512×288×4096', { ...plain, m: 512, n: 4096, k: 288 }],
]

const candidates = (bound: Case['bound'], lanes: number): readonly Candidate[] => {
  if (bound === 'memory') {
    const kernel = elementwise(2 ** 22, 'x', 'copy')
    return [{ name: 'a copy of 16 MB', kernel, work: (2 * 2 ** 24) / 1e9 }]
  }
  return shapes.flatMap(([name, p]) => {
    const kernel = productByBroadcast(p, lanes)
    return kernel === undefined
      ? []
      : [{ name: `${name}, ${kernel.name}`, kernel, work: (2 * p.m * p.n * p.k) / 1e9 }]
  })
}

/** The measured ceilings of a device. */
export interface CeilingReport {
  readonly name: string
  readonly unit: 'GF/s' | 'GB/s' | 'µs'
  readonly rate: Spread
}

/** A kernel that does next to nothing: its time is that of a dispatch. */
const nothing: HandKernel = {
  name: 'a dispatch',
  wgsl: `${bindings(['x', 'f32'], ['result', 'f32'])}

@compute @workgroup_size(1)
fn main() { result[0] = x[0]; }
`,
  inputs: [{ name: 'x', shape: [4] }],
  shape: [4],
  workgroupSize: 1,
  grid: [1, 1],
  subgroups: false,
}

/** The kernels whose rates are the ceilings, found at their first use. */
export class Ceilings {
  readonly #known = new Map<Case['bound'], Promise<Ceiling | undefined>>()
  readonly #tensors: DeviceTensor[] = []

  constructor(
    readonly device: Device,
    readonly length: Length = usualLength,
  ) {}

  /**
   * A copy of 16 MB, or the fastest of our hand-written products; undefined where there is none for this
   * device.
   */
  of(bound: Case['bound']): Promise<Ceiling | undefined> {
    const known = this.#known.get(bound)
    if (known !== undefined) return known
    const found = this.#fastest(bound, candidates(bound, this.device.traits.subgroupSize))
    this.#known.set(bound, found)
    return found
  }

  /** Measures the used ceilings once more, and the cost of a dispatch in a pass of many. */
  async report(runs: number): Promise<readonly CeilingReport[]> {
    const known = (await Promise.all(this.#known.values())).filter(c => c !== undefined)
    const dispatch = (await this.#prepare({ name: nothing.name, kernel: nothing, work: 0 })).timed
    const times = await alternately([...known.map(c => c.timed), dispatch], runs)
    dispatch.close()
    return [
      ...known.map(
        ({ name, work, bound }, i): CeilingReport => ({
          name,
          unit: bound === 'arithmetic' ? 'GF/s' : 'GB/s',
          rate: spreadOf(times[i]!.map(ms => (1000 * work) / ms)),
        }),
      ),
      { name: nothing.name, unit: 'µs', rate: spreadOf(times.at(-1)!.map(ms => 1000 * ms)) },
    ]
  }

  async #fastest(bound: Case['bound'], list: readonly Candidate[]): Promise<Ceiling | undefined> {
    let best: { readonly ceiling: Ceiling; readonly rate: number } | undefined
    for (const candidate of list) {
      const ceiling = { ...(await this.#prepare(candidate)), bound }
      const times = [await ceiling.timed.time(), await ceiling.timed.time()]
      const rate = ceiling.work / Math.min(...times)
      if (best !== undefined && best.rate >= rate) ceiling.timed.close()
      else {
        best?.ceiling.timed.close()
        best = { ceiling, rate }
      }
    }
    return best?.ceiling
  }

  async #prepare({ name, kernel, work }: Candidate): Promise<Omit<Ceiling, 'bound'>> {
    const inputs = Object.fromEntries(
      kernel.inputs.map(({ name, shape }, i) => [
        name,
        upload(this.device, 'f32', shape, uniform(elementsOf(shape), 100 + i)),
      ]),
    )
    this.#tensors.push(...Object.values(inputs))
    return { name, timed: await prepare(this.device, handArtifact(kernel), inputs, this.length), work }
  }

  /** Frees everything on the device. */
  async close(): Promise<void> {
    for (const made of this.#known.values()) (await made)?.timed.close()
    for (const t of this.#tensors) t.destroy()
  }
}
