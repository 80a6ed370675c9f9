import { bindings, type HandKernel } from './kernel.js'

const size = 64
const turns = 64

/**
 * `y_i = body(x_i)` with `x` a vec4f: workgroups of 64 threads, each of which goes through 64 vectors in a
 * loop, neighbours side by side. The number of turns is hidden, or drivers unroll it. The length must be a
 * multiple of 16384. With the body `x` it is a copy, which is the ceiling for what memory bounds.
 */
export const elementwise = (n: number, body: string, name = '64 vectors a thread'): HandKernel => {
  const each = 4 * size * turns
  if (n % each !== 0) throw new Error(`${n} is no multiple of ${each}`)
  const wgsl = `${bindings(['source', 'vec4f'], ['result', 'vec4f'])}

@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let turns = select(${turns}u, 0u, arrayLength(&source) == 0u);
  for (var j = 0u; j < turns; j++) {
    let i = (group.x * ${turns}u + j) * ${size}u + local;
    let x = source[i];
    result[i] = ${body};
  }
}
`
  return {
    name,
    wgsl,
    inputs: [{ name: 'x', shape: [n] }],
    shape: [n],
    workgroupSize: size,
    grid: [n / each, 1],
    subgroups: false,
  }
}
