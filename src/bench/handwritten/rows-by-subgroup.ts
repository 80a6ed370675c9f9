import { bindings, type HandKernel } from './kernel.js'

/** A kernel over the rows of a matrix, with a subgroup for each. */
interface SubgroupRows {
  readonly name: string
  readonly rows: number
  readonly width: number
  /** Threads of a subgroup. */
  readonly lanes: number
  /** Whether a vector of weights is read too. */
  readonly weighed: boolean
  /** WGSL that computes one row. */
  readonly body: string
}

/**
 * A subgroup a row: neighbours side by side in the lanes, four at a time. Undefined where rows do not fill
 * whole subgroups.
 */
const subgroupKernel = ({
  name,
  rows,
  width,
  lanes,
  weighed,
  body,
}: SubgroupRows): HandKernel | undefined => {
  if (lanes <= 1 || width % (4 * lanes) !== 0) return undefined
  const weights: readonly (readonly [string, string])[] = weighed ? [['w', 'vec4f']] : []
  return {
    name,
    wgsl: `enable subgroups;
${bindings(['x', 'vec4f'], ...weights, ['y', 'vec4f'])}

@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * ${width / 4}u;
${body}
}
`,
    inputs: [{ name: 'x', shape: [rows, width] }, ...(weighed ? [{ name: 'w', shape: [width] }] : [])],
    shape: [rows, width],
    workgroupSize: lanes,
    grid: [rows, 1],
    subgroups: true,
  }
}

/** Softmax of each row: the maximum, the sum, the quotients. */
export const rowSoftmaxBySubgroup = (rows: number, width: number, lanes: number): HandKernel | undefined => {
  const each = `for (var i = lane; i < ${width / 4}u; i += ${lanes}u)`
  return subgroupKernel({
    name: 'a subgroup a row, three passes',
    rows,
    width,
    lanes,
    weighed: false,
    body: `  var tops = x[first + lane];
  ${each} { tops = max(tops, x[first + i]); }
  let top = subgroupMax(max(max(tops.x, tops.y), max(tops.z, tops.w)));
  var sums = vec4f();
  ${each} { sums += exp(x[first + i] - top); }
  let scale = 1.0 / subgroupAdd(dot(sums, vec4f(1.0)));
  ${each} { y[first + i] = exp(x[first + i] - top) * scale; }`,
  })
}

/** x / √(mean x² + ε) ⊙ w of each row. */
export const rowNormBySubgroup = (
  rows: number,
  width: number,
  epsilon: number,
  lanes: number,
): HandKernel | undefined => {
  const each = `for (var i = lane; i < ${width / 4}u; i += ${lanes}u)`
  return subgroupKernel({
    name: 'a subgroup a row, two passes',
    rows,
    width,
    lanes,
    weighed: true,
    body: `  var squares = vec4f();
  ${each} { let v = x[first + i]; squares += v * v; }
  let scale = inverseSqrt(subgroupAdd(dot(squares, vec4f(1.0))) / ${width}.0 + ${epsilon});
  ${each} { y[first + i] = x[first + i] * scale * w[i]; }`,
  })
}
