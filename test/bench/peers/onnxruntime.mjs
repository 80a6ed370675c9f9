import { availableParallelism } from 'node:os'
import { readFloats, readModel, readStep, settled } from './model.mjs'
import { decoderModel, forwardModel, productModel } from './onnx-llama.mjs'
import { serve } from './protocol.mjs'

const ort = (await import('onnxruntime-node')).default
const threads = availableParallelism()

const session = bytes =>
  ort.InferenceSession.create(bytes, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
  })
const floats = (data, shape) => new ort.Tensor('float32', data, shape)
const integers = (data, shape = [data.length]) =>
  new ort.Tensor('int64', BigInt64Array.from(data, BigInt), shape)

const product = async ({ m, n, k, left, right, transposedRight, positions }) => {
  const s = await session(productModel(m, n, k, transposedRight))
  const feeds = {
    a: floats(readFloats(left), [m, k]),
    b: floats(readFloats(right), transposedRight ? [n, k] : [k, n]),
  }
  return {
    check: async () => {
      const { c } = await s.run(feeds)
      return positions.map(i => c.data[i])
    },
    run: async times => {
      for (let i = 0; i < times; i++) await s.run(feeds)
    },
    close: () => s.release(),
  }
}

const forward = async ({ folder }) => {
  const model = readModel(folder)
  const { B, T, tokens, targets, edits } = readStep(folder)
  const { L, H, D } = model.sizes
  const s = await session(forwardModel(model, B, T))
  const edited = (values, gates, plus) => {
    const open = settled(gates.data)
    return floats(
      values.data.map((x, i) => plus + open[Math.floor(i / D)] * x),
      [L, 1, H, 1, D],
    )
  }
  const feeds = {
    tokens: integers(tokens),
    targets: integers(targets),
    factor: edited(edits.scale, edits.scale_gate, 1),
    shift: edited(edits.offset, edits.offset_gate, 0),
  }
  const once = async () => (await s.run(feeds)).loss.data[0]
  return {
    check: async () => [await once()],
    run: async times => {
      for (let i = 0; i < times; i++) await once()
    },
    close: () => s.release(),
  }
}

const decoding = async ({ folder, prompt, tokens }) => {
  const model = readModel(folder)
  const { L, H, D } = model.sizes
  const s = await session(decoderModel(model, prompt.length + tokens))
  const kinds = ['key', 'value'].flatMap(kind => Array.from({ length: L }, (_, l) => `${kind}_${l}`))
  const once = async () => {
    let kept = Object.fromEntries(kinds.map(name => [name, floats(new Float32Array(0), [H, 0, D])]))
    const written = []
    let token = prompt[0]
    for (let position = 0; position < prompt.length + tokens - 1; position++) {
      const past = Object.fromEntries(kinds.map(name => [`past_${name}`, kept[name]]))
      kept = await s.run({ token: integers([token]), position: integers([position]), ...past })
      if (position + 1 < prompt.length) token = prompt[position + 1]
      else {
        token = Number(kept.next.data[0])
        written.push(token)
      }
    }
    return written
  }
  return {
    check: once,
    run: async times => {
      for (let i = 0; i < times; i++) await once()
    },
    close: () => s.release(),
  }
}

await serve({
  open: async () => `ONNX Runtime ${ort.env.versions.common}, ${threads} threads`,
  works: { product, forward, decoding },
})
