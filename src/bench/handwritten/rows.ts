import { bindings, type HandKernel } from './kernel.js'

const size = 8

/** A kernel over the rows of a matrix. */
type RowKernel = Pick<HandKernel, 'name' | 'inputs' | 'wgsl'> & {
  readonly rows: number
  readonly width: number
}

const rowKernel = ({ name, rows, width, inputs, wgsl }: RowKernel): HandKernel | undefined => {
  if (rows % size !== 0 || width % 4 !== 0) return undefined
  return {
    name,
    wgsl,
    inputs,
    shape: [rows, width],
    workgroupSize: size,
    grid: [rows / size, 1],
    subgroups: false,
  }
}

const head = `@compute @workgroup_size(${size})
fn main(@builtin(global_invocation_id) id: vec3u)`

/**
 * Softmax of each row, a thread a row, four neighbours at a time: the maximum, the sum, the quotients.
 * Undefined where the shape is no multiple.
 */
export const rowSoftmax = (rows: number, width: number): HandKernel | undefined =>
  rowKernel({
    name: 'a thread a row, three passes',
    rows,
    width,
    inputs: [{ name: 'x', shape: [rows, width] }],
    wgsl: `${bindings(['x', 'vec4f'], ['y', 'vec4f'])}

${head} {
  let first = id.x * ${width / 4}u;
  let end = first + ${width / 4}u;
  var tops = x[first];
  for (var i = first; i < end; i++) { tops = max(tops, x[i]); }
  let top = max(max(tops.x, tops.y), max(tops.z, tops.w));
  var sums = vec4f();
  for (var i = first; i < end; i++) { sums += exp(x[i] - top); }
  let scale = 1.0 / dot(sums, vec4f(1.0));
  for (var i = first; i < end; i++) { y[i] = exp(x[i] - top) * scale; }
}
`,
  })

/**
 * x / √(mean x² + ε) ⊙ w of each row, a thread a row, four neighbours at a time. Undefined where the shape is
 * no multiple.
 */
export const rowNorm = (rows: number, width: number, epsilon: number): HandKernel | undefined =>
  rowKernel({
    name: 'a thread a row, two passes',
    rows,
    width,
    inputs: [
      { name: 'x', shape: [rows, width] },
      { name: 'w', shape: [width] },
    ],
    wgsl: `${bindings(['x', 'vec4f'], ['w', 'vec4f'], ['y', 'vec4f'])}

${head} {
  let first = id.x * ${width / 4}u;
  var squares = vec4f();
  for (var i = 0u; i < ${width / 4}u; i++) { let v = x[first + i]; squares += v * v; }
  let scale = inverseSqrt(dot(squares, vec4f(1.0)) / ${width}.0 + ${epsilon});
  for (var i = 0u; i < ${width / 4}u; i++) { y[first + i] = x[first + i] * scale * w[i]; }
}
`,
  })
