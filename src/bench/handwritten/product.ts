import { bindings, type HandKernel, upTo } from './kernel.js'

/** `batch` products of `[m, k]` and `[k, n]`; an operand may lie transposed. */
export interface ProductShape {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
  readonly left: 'mk' | 'km'
  readonly right: 'kn' | 'nk'
}

const rows = 32

/**
 * A product for devices with subgroups of eight that run on a CPU. One subgroup is a workgroup and makes 32
 * rows of 4 · lanes columns: a lane owns four columns, in 32 vectors of sums. In a step of four along k the
 * lanes load different parts of the left operand and broadcast them. No memory is shared and nothing waits.
 * Undefined where the shape is not a multiple of the tile.
 */
export const productByBroadcast = (p: ProductShape, lanes: number): HandKernel | undefined => {
  const columns = 4 * lanes
  if (lanes !== 8 || p.m % rows !== 0 || p.n % columns !== 0 || p.k % 4 !== 0) return undefined
  const [m4, n4, k4] = [p.m / 4, p.n / 4, p.k / 4]
  const loadLeft =
    p.left === 'mk'
      ? upTo(4).map(t => `let a${t} = left[left0 + (row + ${8 * t}u + lane) * ${k4}u + k];`)
      : upTo(4).map(j => `let a${j} = left[left0 + (4u * k + ${j}u) * ${m4}u + row / 4u + lane];`)
  const loadRight =
    p.right === 'kn'
      ? upTo(4).map(j => `let b${j} = right[right0 + (4u * k + ${j}u) * ${n4}u + column];`)
      : [
          ...upTo(4).map(c => `let t${c} = right[right0 + (4u * column + ${c}u) * ${k4}u + k];`),
          ...upTo(4).map(j => `let b${j} = vec4f(t0[${j}], t1[${j}], t2[${j}], t3[${j}]);`),
        ]
  // With the left operand transposed a lane's four vectors are four rows at four steps; else eight rows' own
  // steps.
  const multiply =
    p.left === 'mk'
      ? upTo(rows).map(
          r =>
            `{ let x = subgroupBroadcast(a${Math.floor(r / 8)}, ${r % 8}u); s${r} += x.x * b0 + ` +
            'x.y * b1 + x.z * b2 + x.w * b3; }',
        )
      : upTo(8).map(
          l =>
            `{ ${upTo(4)
              .map(j => `let x${j} = subgroupBroadcast(a${j}, ${l}u);`)
              .join(' ')} ${upTo(4)
              .map(
                c =>
                  `s${4 * l + c} += ${upTo(4)
                    .map(j => `x${j}[${c}] * b${j}`)
                    .join(' + ')};`,
              )
              .join(' ')} }`,
        )
  const tiles = (p.m / rows) * (p.n / columns)
  // The tiles of one column of the wider operand follow one another.
  const across = p.n > 2 * p.m ? p.m / rows : p.n / columns
  const [tileM, tileN] =
    p.n > 2 * p.m ? [`tile % ${across}u`, `tile / ${across}u`] : [`tile / ${across}u`, `tile % ${across}u`]
  const wgsl = `enable subgroups;
${bindings(['left', 'vec4f'], ['right', 'vec4f'], ['result', 'vec4f'])}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = group.x;
  let row = (${tileM}) * ${rows}u;
  let column = (${tileN}) * 8u + lane;
  let left0 = group.y * ${p.m * k4}u;
  let right0 = group.y * ${p.n * k4}u;
  let result0 = group.y * ${p.m * n4}u;
  ${upTo(rows)
    .map(r => `var s${r} = vec4f();`)
    .join(' ')}
  for (var k = 0u; k < ${k4}u; k++) {
    ${[...loadLeft, ...loadRight].join('\n    ')}
    ${multiply.join('\n    ')}
  }
  ${upTo(rows)
    .map(r => `result[result0 + (row + ${r}u) * ${n4}u + column] = s${r};`)
    .join('\n  ')}
}
`
  const lead = p.batch === 1 ? [] : [p.batch]
  const sized = (names: string): readonly number[] => [
    ...lead,
    ...[...names].map(c => p[c as 'm' | 'n' | 'k']),
  ]
  return {
    name: '32 rows by broadcast',
    wgsl,
    inputs: [
      { name: 'left', shape: sized(p.left) },
      { name: 'right', shape: sized(p.right) },
    ],
    shape: sized('mn'),
    workgroupSize: 8,
    grid: [tiles, p.batch],
    subgroups: true,
  }
}

/**
 * A matrix times a vector: a subgroup makes four results at once, its lanes taking turns along the row, so
 * that each part of the vector is loaded once for four rows. Undefined where the shape is not a multiple of
 * that.
 */
export const matrixVector = (m: number, k: number, lanes: number): HandKernel | undefined => {
  if (lanes <= 1 || m % 4 !== 0 || k % (4 * lanes) !== 0) return undefined
  const k4 = k / 4
  const wgsl = `enable subgroups;
${bindings(['matrix', 'vec4f'], ['vector', 'vec4f'], ['result', 'f32'])}

@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * 4u;
  ${upTo(4)
    .map(r => `var s${r} = vec4f();`)
    .join(' ')}
  for (var k = lane; k < ${k4}u; k += ${lanes}u) {
    let x = vector[k];
    ${upTo(4)
      .map(r => `s${r} += matrix[(row + ${r}u) * ${k4}u + k] * x;`)
      .join('\n    ')}
  }
  ${upTo(4)
    .map(r => `let t${r} = subgroupAdd(dot(s${r}, vec4f(1.0)));`)
    .join('\n  ')}
  if (lane == 0u) {
    ${upTo(4)
      .map(r => `result[row + ${r}u] = t${r};`)
      .join(' ')}
  }
}
`
  return {
    name: 'four rows a subgroup',
    wgsl,
    inputs: [
      { name: 'matrix', shape: [m, k] },
      { name: 'vector', shape: [k] },
    ],
    shape: [m],
    workgroupSize: lanes,
    grid: [m / 4, 1],
    subgroups: true,
  }
}
