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
const jax = await import('@jax-js/jax')
const { numpy: np, nn, jit, tree, valueAndGrad } = jax

const floats = (data, shape) => np.array(data, { shape, dtype: np.float32 })
const integers = data => np.array(data, { shape: [data.length], dtype: np.int32 })
const ready = x => idle(jax.blockUntilReady(x))

// jax-js hands over what a function is given: `.ref` keeps it for another use.

const product = async ({ m, n, k, left, right, transposedRight, positions }) => {
  const a = floats(readFloats(left), [m, k])
  const b = floats(readFloats(right), transposedRight ? [n, k] : [k, n])
  const multiply = () => np.matmul(a.ref, transposedRight ? np.transpose(b.ref) : b.ref)
  return {
    check: async () => {
      const c = await idle(multiply().data())
      return positions.map(i => c[i])
    },
    // What nobody waits for is never computed, so all results are kept until all are there.
    run: async times => {
      const results = Array.from({ length: times }, multiply)
      await ready(tree.ref(results))
      tree.dispose(results)
    },
    close: () => tree.dispose([a, b]),
  }
}

/**
 * Model and batch on the device, and the mean cross-entropy as a function of what the edits multiply by and
 * add.
 */
const load = folder => {
  const { sizes, layers, embed, head, norm } = readModel(folder)
  const step = readStep(folder)
  const { L, E, H, D, F, V, eps } = sizes
  const { B, T } = step
  const shapes = { q: [E, E], k: [E, E], v: [E, E], o: [E, E], gate: [E, F], up: [E, F], down: [F, E] }
  const { cos, sin } = rotations(sizes, T)
  const given = {
    embed: floats(embed, [V, E]),
    head: floats(head, [E, V]),
    norm: floats(norm, [E]),
    layers: layers.map(w =>
      Object.fromEntries(Object.entries(w).map(([name, data]) => [name, floats(data, shapes[name] ?? [E])])),
    ),
    tokens: integers(step.tokens),
    targets: integers(step.targets),
    cos: floats(cos, [1, 1, T, D / 2]),
    sin: floats(sin, [1, 1, T, D / 2]),
    mask: floats(causalMask(T), [T, T]),
  }
  const rmsNorm = (x, w) =>
    x.ref.mul(np.reciprocal(np.sqrt(np.mean(np.square(x), -1, { keepdims: true }).add(eps)))).mul(w)
  const heads = x => np.transpose(x.reshape([B, T, H, D]), [0, 2, 1, 3])
  const rotate = (x, c, s) => {
    const [a, b] = np.split(x, 2, -1)
    return np.concatenate([a.ref.mul(c.ref).sub(b.ref.mul(s.ref)), b.mul(c).add(a.mul(s))], -1)
  }
  /** `factor` and `shift` are [L, H, D]. */
  const crossEntropy = (factor, shift, w) => {
    const factors = np.split(factor, L, 0)
    const shifts = np.split(shift, L, 0)
    let x = np.take(w.embed.ref, w.tokens, 0)
    for (const [l, layer] of w.layers.entries()) {
      const n = rmsNorm(x.ref, layer.attentionNorm)
      const q = rotate(heads(np.matmul(n.ref, layer.q)), w.cos.ref, w.sin.ref)
      const k = rotate(heads(np.matmul(n.ref, layer.k)), w.cos.ref, w.sin.ref)
      const v = heads(np.matmul(n, layer.v))
      const scores = np
        .matmul(q, np.transpose(k, [0, 1, 3, 2]))
        .mul(1 / Math.sqrt(D))
        .add(w.mask.ref)
      const z = np
        .matmul(nn.softmax(scores, -1), v)
        .mul(factors[l].reshape([1, H, 1, D]))
        .add(shifts[l].reshape([1, H, 1, D]))
      x = x.add(np.matmul(np.transpose(z, [0, 2, 1, 3]).reshape([B * T, E]), layer.o))
      const y = rmsNorm(x.ref, layer.mlpNorm)
      x = x.add(np.matmul(nn.silu(np.matmul(y.ref, layer.gate)).mul(np.matmul(y, layer.up)), layer.down))
    }
    for (const used of [w.cos, w.sin, w.mask]) used.dispose()
    const n = rmsNorm(x, w.norm)
    // The target's logit by a dot product: the gradient of a choice among the logits is not implemented under
    // jit.
    const chosen = np.sum(n.ref.mul(np.take(w.embed, w.targets, 0)), -1)
    return np.mean(nn.logsumexp(np.matmul(n, w.head), -1).sub(chosen))
  }
  const edits = Object.fromEntries(
    editNames.map(name => [name, floats(step.edits[name].data, step.edits[name].shape)]),
  )
  return { sizes, step, given, edits, crossEntropy }
}

const forward = async ({ folder }) => {
  const { sizes, step, given, edits, crossEntropy } = load(folder)
  const { L, H } = sizes
  const evaluate = jit((e, open, w) =>
    crossEntropy(e.scale.mul(open.scale).add(1), e.offset.mul(open.offset), w),
  )
  const edited = { scale: edits.scale, offset: edits.offset }
  const open = {
    scale: floats(settled(step.edits.scale_gate.data), [L, H, 1]),
    offset: floats(settled(step.edits.offset_gate.data), [L, H, 1]),
  }
  const once = async () => {
    const [loss] = await idle(evaluate(tree.ref(edited), tree.ref(open), tree.ref(given)).data())
    return loss
  }
  return {
    check: async () => [await once()],
    run: async times => {
      for (let i = 0; i < times; i++) await once()
    },
    close: () => tree.dispose([edits, open, given]),
  }
}

const training = async ({ folder, checked }) => {
  const { sizes, step, given, edits, crossEntropy } = load(folder)
  const { L, H } = sizes
  const { gamma, zeta, beta } = gates
  const sampled = (phi, odds) =>
    np
      .clip(
        nn
          .sigmoid(odds.add(phi).div(beta))
          .mul(zeta - gamma)
          .add(gamma),
        0,
        1,
      )
      .reshape([L, H, 1])
  const chance = phi => np.mean(nn.sigmoid(phi.sub(openShift)))
  const objective = (e, odds, penalty, w) => {
    const factor = sampled(e.scale_gate.ref, odds.scale).mul(e.scale).add(1)
    const shift = sampled(e.offset_gate.ref, odds.offset).mul(e.offset)
    const answers = crossEntropy(factor, shift, w)
    return [answers.ref.add(chance(e.scale_gate).add(chance(e.offset_gate)).mul(penalty)), answers]
  }
  const update = jit((e, first, second, odds, at, w) => {
    const [[total, answers], d] = valueAndGrad(objective, { hasAux: true })(tree.ref(e), odds, at.penalty, w)
    total.dispose()
    const squares = editNames.map(name => np.sum(np.square(d[name].ref)))
    const norm = np.sqrt(squares.reduce((a, b) => a.add(b)))
    const shrink = np.minimum(1, np.reciprocal(norm.add(1e-6)).mul(step.settings.clip))
    const next = { e: {}, first: {}, second: {} }
    for (const name of editNames) {
      const g = d[name].mul(shrink.ref)
      const m = first[name].mul(0.9).add(g.ref.mul(0.1))
      const v = second[name].mul(0.999).add(np.square(g).mul(0.001))
      const direction = m.ref.div(at.correction1.ref).div(np.sqrt(v.ref.div(at.correction2.ref)).add(1e-8))
      const rate = name.endsWith('gate') ? at.gateRate : at.rate
      next.e[name] = e[name].sub(direction.mul(rate.ref))
      next.first[name] = m
      next.second[name] = v
    }
    shrink.dispose()
    for (const name of ['correction1', 'correction2', 'rate', 'gateRate']) at[name].dispose()
    return [answers, next]
  })
  let state = {
    e: edits,
    first: Object.fromEntries(editNames.map(n => [n, np.zeros(step.edits[n].shape)])),
    second: Object.fromEntries(editNames.map(n => [n, np.zeros(step.edits[n].shape)])),
  }
  let done = 0
  const once = async () => {
    const noise = step.noiseOf(done)
    const odds = { scale: floats(noise.scale, [L, H]), offset: floats(noise.offset, [L, H]) }
    const at = Object.fromEntries(
      Object.entries(scheduleOf(step, done)).map(([name, x]) => [name, np.array(x)]),
    )
    const [answers, next] = update(state.e, state.first, state.second, odds, at, tree.ref(given))
    state = next
    done += 1
    const [loss] = await idle(answers.data())
    return loss
  }
  return {
    check: async () => {
      const values = []
      for (let i = 0; i < checked; i++) values.push(await once())
      for (const name of editNames) values.push(...(await idle(state.e[name].ref.data())))
      return values
    },
    run: async times => {
      for (let i = 0; i < times; i++) await once()
    },
    close: () => tree.dispose([state, given]),
  }
}

await serve({
  open: async () => {
    const devices = await jax.init('webgpu')
    if (!devices.includes('webgpu')) throw new Error('jax-js finds no WebGPU device')
    jax.defaultDevice('webgpu')
    return 'jax-js 0.1.25, WebGPU'
  },
  works: { product, forward, training },
})
