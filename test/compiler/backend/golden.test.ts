import { describe, expect, it } from 'vitest'
import type { Artifact, DeviceTraits } from '../../../compiler/artifact.js'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { f32, prim } from '../../../compiler/ir/expr.js'
import { gpu, llvmpipe } from '../../support/traits.js'
import * as programs from './programs.js'

const compile = (write: (p: programs.Program) => void, traits: DeviceTraits, fuse = true): Artifact => {
  const p = new programs.Program()
  write(p)
  return compileGraph(p.finish(), traits, { fuse })
}

describe('text of kernels', () => {
  it('y = 2x + 1, four neighbours a thread', () => {
    const a = compile(p => {
      const x = p.input('x', 8, 64)
      const [i, j] = [p.axis('i', 8), p.axis('j', 64)]
      p.output('y', p.map('y', [i, j], prim('add', prim('mul', p.at(x, i, j), f32(2)), f32(1))))
    }, gpu)
    expect(a.kernels.map(k => k.wgsl)).toEqual([
      `// y: f32[i:8, j:64]
// schedule: map, four neighbours a thread, workgroups of 128
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32(group.x) * 128 + i32(local);
  let x_v1 = x[i];
  y[i] = ((x_v1 * 2.0) + 1.0);
}
`,
    ])
  })

  it('softmax, one subgroup a row: maximum, sum and quotient in one kernel', () => {
    const best = 'max(max(acc1.x, acc1.y), max(acc1.z, acc1.w))'
    const bits = 'max(max(bits2.x, bits2.y), max(bits2.z, bits2.w))'
    const withNan = `select(${best}, bitcast<f32>(nanBits), ${bits} > 0xff000000u)`
    const a = compile(p => programs.softmax(p, 4, 256), gpu)
    expect(a.kernels.map(k => k.wgsl.split('fn main')[1]!.split('\n').slice(1).join('\n'))).toEqual([
      `  let row = i32(group.x);
  var acc1 = vec4f((-bitcast<f32>(infinityBits)));
  var bits2 = vec4u();
  let at5 = (row * 64);
  for (var j3 = 0; j3 < 2; j3++) {
    let at4 = j3 * 32 + i32(local);
    let x_v6 = x[(at5 + at4)];
    bits2 = max(bits2, bitcast<vec4u>(x_v6) << vec4u(1u));
    acc1 = max(acc1, x_v6);
  }
  let v7 = of_order_key(subgroupMax(order_key(${withNan})));
  var acc8 = vec4f(0.0);
  for (var j9 = 0; j9 < 2; j9++) {
    let at10 = j9 * 32 + i32(local);
    let x_v11 = x[(at5 + at10)];
    acc8 += exp((x_v11 - v7));
  }
  let v12 = subgroupAdd(((acc8.x + acc8.y) + (acc8.z + acc8.w)));
  for (var j13 = 0; j13 < 2; j13++) {
    let at14 = j13 * 32 + i32(local);
    let x_v15 = x[(at5 + at14)];
    softmax[(at5 + at14)] = (exp((x_v15 - v7)) / v12);
  }
}
`,
    ])
  })
})

describe('structure', () => {
  const kinds = (a: Artifact): readonly string[] =>
    a.kernels.map(k => `${k.schedule.split(',')[0]}: ${k.origins.join(', ')}`)

  it('of a layer: norms, products with what follows them, attention', () => {
    const sizes = { B: 2, T: 16, H: 4, D: 16, F: 128 }
    expect(kinds(compile(p => programs.layer(p, sizes, 3), llvmpipe))).toEqual([
      'map: x0',
      'rows: n_ss, n_scale',
      'contract: q',
      'contract: scores',
      'rows: most, z, p',
      'contract: z_heads',
      'contract: o',
      'rows: m_ss, m_scale, m',
      'contract: gate',
      'contract: up, act',
      'contract: down, next',
    ])
  })

  it('is the same for any number of layers', () => {
    const sizes = { B: 1, T: 8, H: 2, D: 8, F: 32 }
    const of = (layers: number) => compile(p => programs.layer(p, sizes, layers), llvmpipe).kernels.length
    // Iterations write the two slots of x in turn; after an even number of layers the result is in the first.
    expect(of(12)).toBe(of(4))
    expect(of(13)).toBe(of(3))
  })

  it('never binds more buffers than the device has', () => {
    const a = compile(p => {
      const [i] = [p.axis('i', 64)]
      const all = [...Array(20).keys()].map(n => p.at(p.input(`x${n}`, 64), i))
      const pairs = all.map((x, n) => p.map(`y${n}`, [i], prim('exp', prim('mul', x, all[(n + 1) % 20]!))))
      p.output(
        'sum',
        p.map(
          'sum',
          [i],
          pairs
            .slice(0, 7)
            .map(y => p.at(y, i))
            .reduce((x, y) => prim('add', x, y)),
        ),
      )
    }, gpu)
    expect(a.kernels.length).toBeGreaterThan(1)
    for (const k of a.kernels) expect(k.bindings.length).toBeLessThanOrEqual(8)
  })

  it('sums positions into slots without looking at values that do not belong there', () => {
    const a = compile(p => programs.scatter(p, 100, 16, 32), llvmpipe)
    expect(kinds(a)).toEqual(['scatter: d_embed'])
  })

  it('takes a long reduction in two stages', () => {
    const a = compile(p => {
      const x = p.input('x', 100_003)
      const i = p.axis('i', 100_003)
      p.output('s', p.reduce('s', 'sum', [], [i], p.at(x, i)))
    }, llvmpipe)
    expect(kinds(a)).toEqual(['rows: s in parts', 'rows: s'])
  })
})
