import { bindings, type HandKernel, upTo } from './kernel.js'
import type { ProductShape } from './product.js'

const [rows, columns] = [32, 4]

/**
 * A product with the right operand transposed, for devices with subgroups of eight that run on a CPU: a lane owns four columns, eight apart, in
 * 32 rows, and takes four steps along k at once as a dot product of the row, which comes by broadcast, and the column. Undefined where the
 * shape is not a multiple of the tile or lies otherwise.
 */
export const productByDots = (p: ProductShape, lanes: number): HandKernel | undefined => {
  const width = 8 * columns
  const lies = p.left === 'mk' && p.right === 'nk' && p.batch === 1
  if (lanes !== 8 || !lies || p.m % rows !== 0 || p.n % width !== 0 || p.k % 4 !== 0) return undefined
  const k4 = p.k / 4
  const each = (write: (r: number, q: number) => string): string =>
    upTo(rows)
      .map(r =>
        upTo(columns)
          .map(q => write(r, q))
          .join(' '),
      )
      .join('\n  ')
  const multiply = upTo(rows).map(
    r =>
      `{ let x = subgroupBroadcast(a${Math.floor(r / 8)}, ${r % 8}u); ${upTo(columns)
        .map(q => `s${r}_${q} += dot(x, b${q});`)
        .join(' ')} }`,
  )
  const wgsl = `enable subgroups;
${bindings(['left', 'vec4f'], ['right', 'vec4f'], ['result', 'f32'])}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * ${rows}u;
  let column = group.x * ${width}u + lane;
  ${each((r, q) => `var s${r}_${q} = 0.0;`)}
  for (var k = 0u; k < ${k4}u; k++) {
    ${upTo(rows / 8)
      .map(t => `let a${t} = left[(row + ${8 * t}u + lane) * ${k4}u + k];`)
      .join(' ')}
    ${upTo(columns)
      .map(q => `let b${q} = right[(column + ${8 * q}u) * ${k4}u + k];`)
      .join(' ')}
    ${multiply.join('\n    ')}
  }
  ${each((r, q) => `result[(row + ${r}u) * ${p.n}u + column + ${8 * q}u] = s${r}_${q};`)}
}
`
  return {
    name: 'dot products by broadcast',
    wgsl,
    inputs: [
      { name: 'left', shape: [p.m, p.k] },
      { name: 'right', shape: [p.n, p.k] },
    ],
    shape: [p.m, p.n],
    workgroupSize: 8,
    grid: [p.n / width, p.m / rows],
    subgroups: true,
  }
}
