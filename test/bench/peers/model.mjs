import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The tensors of a safetensors file in f32, by name: `{ shape, data }`. */
export const readTensors = file => {
  const bytes = readFileSync(file)
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  const tensor = ({ shape, data_offsets: [from, to] }) => {
    const part = bytes.subarray(8 + length + from, 8 + length + to)
    return {
      shape,
      data: new Float32Array(part.buffer.slice(part.byteOffset, part.byteOffset + part.length)),
    }
  }
  const { __metadata__: _, ...tensors } = header
  return Object.fromEntries(Object.entries(tensors).map(([name, about]) => [name, tensor(about)]))
}

/** A file of f32 without a header. */
export const readFloats = file => {
  const { buffer, byteOffset, byteLength } = readFileSync(file)
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength))
}

/** `[out, in]`, as checkpoints have it, to `[in, out]`. */
const transposed = ({ shape: [rows, columns], data }) => {
  const out = new Float32Array(data.length)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j]
  return out
}

/** A Llama-shaped model's folder: its sizes, and its weights in f32, those of projections as `[in, out]`. */
export const readModel = folder => {
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))
  const tensors = readTensors(join(folder, 'model.safetensors'))
  const [E, H] = [config.hidden_size, config.num_attention_heads]
  const sizes = {
    L: config.num_hidden_layers,
    E,
    H,
    D: E / H,
    F: config.intermediate_size,
    V: config.vocab_size,
    eps: config.rms_norm_eps,
    base: config.rope_theta,
  }
  const layers = Array.from({ length: sizes.L }, (_, l) => {
    const of = name => tensors[`model.layers.${l}.${name}.weight`]
    return {
      attentionNorm: of('input_layernorm').data,
      q: transposed(of('self_attn.q_proj')),
      k: transposed(of('self_attn.k_proj')),
      v: transposed(of('self_attn.v_proj')),
      o: transposed(of('self_attn.o_proj')),
      mlpNorm: of('post_attention_layernorm').data,
      gate: transposed(of('mlp.gate_proj')),
      up: transposed(of('mlp.up_proj')),
      down: transposed(of('mlp.down_proj')),
    }
  })
  const embed = tensors['model.embed_tokens.weight']
  return {
    sizes,
    layers,
    embed: embed.data,
    head: transposed(embed),
    norm: tensors['model.norm.weight'].data,
  }
}

/** Cosines and sines of the rotary embedding, `[T, D / 2]`. */
export const rotations = ({ D, base }, T) => {
  const half = D / 2
  const angle = i => Math.floor(i / half) / base ** ((2 * (i % half)) / D)
  const table = f => new Float32Array(T * half).map((_, i) => f(angle(i)))
  return { cos: table(Math.cos), sin: table(Math.sin) }
}

/** 0 where position t may look at s, and as good as −∞ after it, `[T, T]`. */
export const causalMask = T => new Float32Array(T * T).map((_, i) => (i % T > Math.floor(i / T) ? -1e30 : 0))

/** JoLA's gates: Hard Concrete with these constants (Louizos, Welling and Kingma 2018). */
export const gates = { gamma: -0.1, zeta: 1.1, beta: 0.33, margin: 1e-6 }

/** What is taken from a gate's log-odds for its chance to be open. */
export const openShift = gates.beta * Math.log(-gates.gamma / gates.zeta)

/** log u/(1 − u) of uniform noise, kept off both ends. */
export const logOdds = noise =>
  noise.map(u => {
    const v = gates.margin + (1 - 2 * gates.margin) * u
    return Math.log(v) - Math.log(1 - v)
  })

/** A settled gate, on the host. */
export const settled = phi =>
  phi.map(p => Math.min(1, Math.max(0, (gates.zeta - gates.gamma) / (1 + Math.exp(-p)) + gates.gamma)))

/**
 * What `step.json` and `step.safetensors` of a folder tell of a training step: batch, settings, the state to
 * begin with, noise.
 */
export const readStep = folder => {
  const about = JSON.parse(readFileSync(join(folder, 'step.json'), 'utf8'))
  const tensors = readTensors(join(folder, 'step.safetensors'))
  return {
    ...about,
    tokens: Int32Array.from(about.tokens),
    targets: Int32Array.from(about.targets),
    edits: Object.fromEntries(editNames.map(name => [name, tensors[name]])),
    /** The log-odds of the noise of the i-th step, again from the first when all have been used. */
    noiseOf: i => {
      const part = ({ shape: [n, L, H], data }) =>
        logOdds(data.subarray((i % n) * L * H, ((i % n) + 1) * L * H))
      return { scale: part(tensors.noise_scale), offset: part(tensors.noise_offset) }
    },
  }
}

export const editNames = ['scale', 'offset', 'scale_gate', 'offset_gate']

/**
 * What depends on the number of the step only: rates, the penalty's weight, AdamW's corrections. `i` counts
 * from 0.
 */
export const scheduleOf = ({ settings, at, steps }, i) => {
  const step = at + i
  const warm = (n, length) => (length > 0 ? Math.min(1, n / length) : 1)
  const left = Math.min(1, Math.max(0, step + 1 - settings.warmup) / Math.max(1, steps - settings.warmup))
  const pace = warm(step + 1, settings.warmup) * 0.5 * (1 + Math.cos(Math.PI * left))
  return {
    rate: settings.learning_rate * pace,
    gateRate: settings.gate_rate * pace,
    penalty: settings.penalty * warm(step, settings.penalty_warmup),
    correction1: 1 - 0.9 ** (i + 1),
    correction2: 1 - 0.999 ** (i + 1),
  }
}
