import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Device, download, elementsOf, load, upload } from '../../../runtime/index.js'
import { prepare } from '../../measure/measure.js'
import { positions } from '../../measure/verify.js'
import { compileText } from '../compile.js'
import { uniform } from '../random-model.js'
import { removeFolder, temporaryFolder } from '../temporary.js'

/** Sizes of a selective scan: steps, channels, and numbers of a channel's state. */
export interface ScanSizes {
  readonly T: number
  readonly E: number
  readonly N: number
}

/**
 * The selective scan of Mamba (Gu and Dao, 2023), `h = a · h + b` and `y = Σ n · c · h` for each step, and
 * the gradients of `Σ y²` with respect to a, b and c.
 */
const program = `
fn selective(a: f32[T, E, N], b: f32[T, E, N], c: f32[T, N]) -> f32[T, E] =
  let (h, y) = fold (h, y) = (for e: E, n: N -> 0.0, for t: T, e: E -> 0.0) for l: T ->
    let h = for e, n -> a[l, e, n] * h[e, n] + b[l, e, n]
    (h, for t, e -> if t == l then sum n -> c[l, n] * h[e, n] else y[t, e])
  y

fn loss(p: (f32[T, E, N], f32[T, E, N], f32[T, N])) -> f32 =
  let (a, b, c) = p
  let y = selective(a, b, c)
  sum t, e -> y[t, e] * y[t, e]

fn bench(a: f32[T, E, N], b: f32[T, E, N], c: f32[T, N]) -> (f32[T, E, N], f32[T, E, N], f32[T, N]) =
  grad(loss)((a, b, c))
`

/** Operations of a step for each number of the state: two of the state, two of y, and twice as many back. */
const operations = 12

/** A selective scan with its gradients, read at some positions for the check. */
export const scanPlan = (sizes: ScanSizes) => {
  const { T, E, N } = sizes
  return {
    name: `selective scan ${T}×${E}×${N} with its gradient`,
    prepare: async (device: Device, afterwards: (close: () => void | Promise<void>) => void) => {
      const folder = temporaryFolder()
      afterwards(() => removeFolder(folder))
      const shapes = { a: [T, E, N], b: [T, E, N], c: [T, N] }
      const inputs = Object.entries(shapes).map(([name, shape], i) => {
        const drawn = uniform(elementsOf(shape), i)
        // Factors from 0.4 to 0.9 keep the state from growing.
        const values = name === 'a' ? drawn.map(x => 0.65 + 0.25 * x) : drawn
        return { name, shape, values, file: join(folder, name) }
      })
      for (const { file, values } of inputs) await writeFile(file, values)
      const tensors = Object.fromEntries(
        inputs.map(({ name, shape, values }) => [
          name,
          upload(device, { dtype: 'f32', label: name }, shape, values),
        ]),
      )
      afterwards(() => {
        for (const t of Object.values(tensors)) t.destroy()
      })
      const artifact = compileText({ text: program, sizes: { ...sizes }, name: 'scan' }, device.traits)
      const looked = positions(T * N)
      const executable = await load(device, artifact)
      const outputs = Object.values(executable.run(tensors))
      const gradients = await download(device, outputs)
      for (const t of outputs) t.destroy()
      executable.destroy()
      const timed = await prepare(device, artifact, tensors)
      afterwards(() => timed.close())
      const files = Object.fromEntries(inputs.map(({ name, file }) => [name, file]))
      return {
        kind: 'scan' as const,
        request: { ...sizes, ...files, positions: looked },
        expected: { each: gradients.flatMap(g => looked.map(at => g[at]!)) },
        ours: timed,
        amount: { unit: 'GFLOP' as const, value: (operations * T * E * N) / 1e9 },
      }
    },
  }
}
