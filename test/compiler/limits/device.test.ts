import { expect, it } from 'vitest'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import { simplified, specialiseFn } from '../../../compiler/pipeline.js'
import { withDevice } from '../../support/device.js'
import { runArtifact, worst } from '../backend/agree.js'
import { randomNumbers } from '../ir/random-graph.js'
import { vectors } from './programs.js'

withDevice('what reads more tensors than a kernel binds', device => {
  it.each([5, 8, 10])(
    'is what the interpreter says, with %i storage buffers',
    { timeout: 300_000 },
    async n => {
      const random = randomNumbers(3)
      for (const [fn, size] of vectors.functions) {
        const N = Math.min(size, 1000)
        const found = vectors.program.fns.get(fn)!
        const graph = simplified(specialiseFn(vectors.program, found, { sizes: new Map([['N', N]]) }))
        const inputs = new Map(
          graph.nodes.flatMap(node => {
            if (node.kind !== 'input') return []
            const count = node.shape.reduce((a, b) => a * b, 1)
            const value = () => (node.dtype === 'i32' ? Math.floor(N * random()) : random() + 0.5)
            return [[node.name, Float64Array.from({ length: count }, value)] as const]
          }),
        )
        const exact = interpret(graph, inputs)
        for (const fuse of [false, true]) {
          const artifact = compileGraph(graph, { ...device.traits, storageBuffersPerStage: n }, { fuse })
          const { error, where } = worst(await runArtifact(device, artifact, inputs), exact)
          expect(error, `${fn} ${fuse ? 'fused' : 'unfused'}: ${where}`).toBeLessThan(1e-4)
        }
      }
    },
  )
})
