/**
 * Speed of generated matrix products, in GF/s: `npx tsx test/bench/contract.ts`. Medians of several timed runs, the
 * first one (which compiles) left out.
 */
import { compileGraph } from '../../compiler/backend.js'
import { Builder } from '../../compiler/ir/builder.js'
import { index, prim, read } from '../../compiler/ir/expr.js'
import type { Axis, Graph } from '../../compiler/ir/ir.js'
import { load, openNodeDevice, upload } from '../../runtime/node.js'

interface Shape {
  readonly name: string
  readonly b: number
  readonly m: number
  readonly k: number
  readonly n: number
  /** How the operands lie: `a` is `[m, k]` or `[k, m]`, `b` is `[k, n]` or `[n, k]`. */
  readonly a: 'mk' | 'km'
  readonly bb: 'kn' | 'nk'
}

const shapes: readonly Shape[] = [
  { name: '512³', b: 1, m: 512, k: 512, n: 512, a: 'mk', bb: 'kn' },
  { name: '512³ A·Bᵀ', b: 1, m: 512, k: 512, n: 512, a: 'mk', bb: 'nk' },
  { name: '512³ Aᵀ·B', b: 1, m: 512, k: 512, n: 512, a: 'km', bb: 'kn' },
  { name: '256×768×2048', b: 1, m: 256, k: 768, n: 2048, a: 'mk', bb: 'kn' },
  { name: '512×288×32000 A·Bᵀ', b: 1, m: 512, k: 288, n: 32000, a: 'mk', bb: 'nk' },
  { name: '48 × 64×48×64 A·Bᵀ', b: 48, m: 64, k: 48, n: 64, a: 'mk', bb: 'nk' },
  { name: '48 × 64×64×48', b: 48, m: 64, k: 64, n: 48, a: 'mk', bb: 'kn' },
]

const graphOf = (s: Shape): Graph => {
  const g = new Builder()
  const dims = (names: string): number[] => [s.b, ...[...names].map(c => s[c as 'm' | 'k' | 'n'])]
  const a = g.input('a', 'f32', dims(s.a))
  const b = g.input('b', 'f32', dims(s.bb))
  const axes: Record<string, Axis> = {
    b: g.axis('b', s.b),
    m: g.axis('m', s.m),
    n: g.axis('n', s.n),
    k: g.axis('k', s.k),
  }
  const at = (names: string) => ['b', ...names].map(c => index(axes[c]!))
  const out = g.compute({
    dtype: 'f32',
    dims: [[axes.b!], [axes.m!], [axes.n!]],
    reduce: { op: 'sum', axes: [axes.k!] },
    body: prim('mul', read(a, 'f32', at(s.a)), read(b, 'f32', at(s.bb))),
    origin: { label: 'product' },
  })
  g.output('c', out)
  return g.finish()
}

const main = async (): Promise<void> => {
  const device = await openNodeDevice()
  const wanted = process.argv[2]
  console.log(device.traits.name)
  for (const s of shapes) {
    if (wanted !== undefined && !s.name.includes(wanted)) continue
    const artifact = compileGraph(graphOf(s), device.traits)
    if (process.argv[3] === 'wgsl') console.log(artifact.kernels[0]!.wgsl)
    const executable = await load(device, artifact)
    const inputs = Object.fromEntries(
      artifact.inputs.map(d => {
        const size = d.shape.reduce((x, y) => x * y, 1)
        return [
          d.name,
          upload(
            device,
            d.dtype,
            d.shape,
            new Float32Array(size).map((_, i) => ((i * 7919) % 1000) / 1000),
          ),
        ]
      }),
    )
    const into = executable.run(inputs)
    await device.idle()
    const flops = 2 * s.b * s.m * s.n * s.k
    const repeats = Math.max(1, Math.round(3e9 / flops))
    const times: number[] = []
    for (let r = 0; r < 7; r++) {
      const start = performance.now()
      for (let i = 0; i < repeats; i++) executable.run(inputs, { into })
      await device.idle()
      times.push((performance.now() - start) / repeats)
    }
    const median = times.sort((x, y) => x - y)[3]!
    console.log(
      `${(flops / median / 1e6).toFixed(1).padStart(7)} GF/s  ${median.toFixed(2).padStart(8)} ms  ${s.name}  ${artifact.kernels[0]!.schedule}`,
    )
  }
  device.close()
}

await main()
