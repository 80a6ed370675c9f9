import {
  causalMask,
  editNames,
  gates,
  openShift,
  readFloats,
  readModel,
  readStep,
  rotations,
  scheduleOf,
  settled,
} from './model.mjs'
import { idle, installWebGPU, serve } from './protocol.mjs'

await installWebGPU()
// The union package: the core alone registers no gradients.
const tf = await import('@tensorflow/tfjs')
await import('@tensorflow/tfjs-backend-webgpu')

const product = async ({ m, n, k, left, right, transposedRight, positions }) => {
  const a = tf.tensor2d(readFloats(left), [m, k])
  const b = tf.tensor2d(readFloats(right), transposedRight ? [n, k] : [k, n])
  const multiply = () => tf.matMul(a, b, false, transposedRight)
  return {
    check: async () => {
      const c = multiply()
      const values = await idle(c.data())
      c.dispose()
      return positions.map(i => values[i])
    },
    run: async times => {
      for (let i = 0; i < times; i++) {
        const c = multiply()
        if (i === times - 1) {
          const corner = tf.slice(c, [0, 0], [1, 1])
          await idle(corner.data())
          corner.dispose()
        }
        c.dispose()
      }
    },
    close: () => tf.dispose([a, b]),
  }
}

/**
 * Model and batch on the device, and the mean cross-entropy as a function of what the edits multiply by and
 * add.
 */
const load = folder => {
  const { sizes, layers, embed, norm } = readModel(folder)
  const step = readStep(folder)
  const { E, H, D, F, V, eps } = sizes
  const { B, T } = step
  const shapes = { q: [E, E], k: [E, E], v: [E, E], o: [E, E], gate: [E, F], up: [E, F], down: [F, E] }
  const tables = rotations(sizes, T)
  const given = {
    embed: tf.tensor2d(embed, [V, E]),
    norm: tf.tensor1d(norm),
    layers: layers.map(w =>
      Object.fromEntries(
        Object.entries(w).map(([name, data]) => [name, tf.tensor(data, shapes[name] ?? [E])]),
      ),
    ),
    tokens: tf.tensor1d(step.tokens, 'int32'),
    targets: tf.tensor1d(step.targets, 'int32'),
    cos: tf.tensor4d(tables.cos, [1, 1, T, D / 2]),
    sin: tf.tensor4d(tables.sin, [1, 1, T, D / 2]),
    mask: tf.tensor2d(causalMask(T), [T, T]),
  }
  const rmsNorm = (x, w) => x.mul(x.square().mean(-1, true).add(eps).rsqrt()).mul(w)
  const heads = x => x.reshape([B, T, H, D]).transpose([0, 2, 1, 3])
  const rotate = x => {
    const [a, b] = tf.split(x, 2, -1)
    const { cos, sin } = given
    return tf.concat([a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))], -1)
  }
  const ofLayer = (x, l) => x.slice([l, 0, 0], [1, H, D]).reshape([1, H, 1, D])
  /** `factor` and `shift` are [L, H, D]. */
  const crossEntropy = (factor, shift) => {
    let x = tf.gather(given.embed, given.tokens)
    for (const [l, layer] of given.layers.entries()) {
      const n = rmsNorm(x, layer.attentionNorm)
      const q = rotate(heads(tf.matMul(n, layer.q)))
      const k = rotate(heads(tf.matMul(n, layer.k)))
      const v = heads(tf.matMul(n, layer.v))
      const scores = tf
        .matMul(q, k, false, true)
        .mul(1 / Math.sqrt(D))
        .add(given.mask)
      const z = tf.matMul(tf.softmax(scores), v).mul(ofLayer(factor, l)).add(ofLayer(shift, l))
      x = x.add(tf.matMul(z.transpose([0, 2, 1, 3]).reshape([B * T, E]), layer.o))
      const y = rmsNorm(x, layer.mlpNorm)
      const gate = tf.matMul(y, layer.gate)
      x = x.add(tf.matMul(gate.mul(gate.sigmoid()).mul(tf.matMul(y, layer.up)), layer.down))
    }
    const n = rmsNorm(x, given.norm)
    // The target's logit by a dot product: a one-hot matrix over the vocabulary would be as large as the
    // logits.
    const chosen = n.mul(tf.gather(given.embed, given.targets)).sum(-1)
    return tf.matMul(n, given.embed, false, true).logSumExp(-1).sub(chosen).mean()
  }
  const edits = editNames.map(name => tf.variable(tf.tensor(step.edits[name].data, step.edits[name].shape)))
  return { sizes, step, given, edits, crossEntropy }
}

const free = (...trees) => {
  for (const tree of trees) tf.dispose(tree)
}

const forward = async ({ folder }) => {
  const { sizes, step, given, edits, crossEntropy } = load(folder)
  const { L, H } = sizes
  const [scale, offset] = edits
  const openScale = tf.tensor3d(settled(step.edits.scale_gate.data), [L, H, 1])
  const openOffset = tf.tensor3d(settled(step.edits.offset_gate.data), [L, H, 1])
  const once = async () => {
    const loss = tf.tidy(() => crossEntropy(scale.mul(openScale).add(1), offset.mul(openOffset)))
    const [value] = await idle(loss.data())
    loss.dispose()
    return value
  }
  return {
    check: async () => [await once()],
    run: async times => {
      for (let i = 0; i < times; i++) await once()
    },
    close: () => free(given, edits, openScale, openOffset),
  }
}

const training = async ({ folder, checked }) => {
  const { sizes, step, given, edits, crossEntropy } = load(folder)
  const { L, H } = sizes
  const { gamma, zeta, beta } = gates
  const sampled = (phi, odds) =>
    odds
      .add(phi)
      .div(beta)
      .sigmoid()
      .mul(zeta - gamma)
      .add(gamma)
      .clipByValue(0, 1)
      .reshape([L, H, 1])
  const chance = phi => phi.sub(openShift).sigmoid().mean()
  const [scale, offset, scaleGate, offsetGate] = edits
  const moments = edits.map(e => [tf.variable(tf.zerosLike(e)), tf.variable(tf.zerosLike(e))])
  let done = 0
  const once = async () => {
    const at = scheduleOf(step, done)
    const noise = step.noiseOf(done)
    const loss = tf.tidy(() => {
      let answers
      const objective = () => {
        const factor = sampled(scaleGate, tf.tensor2d(noise.scale, [L, H]))
          .mul(scale)
          .add(1)
        const shift = sampled(offsetGate, tf.tensor2d(noise.offset, [L, H])).mul(offset)
        answers = tf.keep(crossEntropy(factor, shift)) // differentiating would dispose it
        return answers.add(chance(scaleGate).add(chance(offsetGate)).mul(at.penalty))
      }
      const { grads } = tf.variableGrads(objective, edits)
      const all = edits.map(e => grads[e.name])
      const norm = tf.sqrt(tf.addN(all.map(g => g.square().sum())))
      const shrink = tf.minimum(1, tf.scalar(step.settings.clip).div(norm.add(1e-6)))
      for (const [i, e] of edits.entries()) {
        const g = all[i].mul(shrink)
        const [m, v] = moments[i]
        m.assign(m.mul(0.9).add(g.mul(0.1)))
        v.assign(v.mul(0.999).add(g.square().mul(0.001)))
        const direction = m.div(at.correction1).div(v.div(at.correction2).sqrt().add(1e-8))
        e.assign(e.sub(direction.mul(editNames[i].endsWith('gate') ? at.gateRate : at.rate)))
      }
      return answers
    })
    done += 1
    const [value] = await idle(loss.data())
    loss.dispose()
    return value
  }
  return {
    check: async () => {
      const values = []
      for (let i = 0; i < checked; i++) values.push(await once())
      for (const e of edits) values.push(...(await idle(e.data())))
      return values
    },
    run: async times => {
      for (let i = 0; i < times; i++) await once()
    },
    close: () => free(given, edits, moments),
  }
}

await serve({
  open: async () => {
    if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js finds no WebGPU device')
    await tf.ready()
    return `TensorFlow.js ${tf.version_core}, WebGPU`
  },
  works: { product, forward, training },
})
