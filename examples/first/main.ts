import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { specialiseFn } from '../../compiler/index.js'
import { openEngine } from '../../src/host/open-engine.js'
import { loadProgram } from '../../src/index.js'

/** Jola in a TypeScript program: check a file, compile one of its functions for some sizes, run it. */
const folder = dirname(fileURLToPath(import.meta.url)).replace(/([\\/])dist([\\/])examples/, '$1examples')
const { program } = loadProgram([join(folder, 'attention.jola')])
const step = program.fns.get('attention.step')!
const [H, T, D] = [2, 5, 4]
const graph = specialiseFn(program, step, { sizes: new Map(Object.entries({ H, T, D })) })

const filled = (shape: readonly number[], f: (i: number) => number) => ({
  dtype: 'f32' as const,
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => f(i)),
})
const engine = await openEngine('gpu')
const outputs = await engine.run(
  graph,
  new Map([
    ['offset', filled([H, D], () => 0)],
    ['x', filled([H, T, D], Math.sin)],
    ['target', filled([H, T, D], Math.cos)],
    ['rate', filled([], () => 0.5)],
  ]),
)
console.log(`on ${engine.name}:`, outputs.get('result')!.data)
engine.close()
