// As much of ONNX's protocol buffers (onnx.proto, opset 17) as the models here need: a message is fields,
// each a number, a type and a value.

const varint = value => {
  const bytes = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    const low = Number(rest & 127n)
    rest >>= 7n
    bytes.push(rest === 0n ? low : low | 128)
  } while (rest !== 0n)
  return Buffer.from(bytes)
}

const integer = (field, value) => Buffer.concat([varint(field << 3), varint(value)])
const nested = (field, ...parts) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body])
}
const text = (field, value) => nested(field, Buffer.from(value, 'utf8'))

const elementTypes = { float32: 1, int32: 6, int64: 7 }

/** A number for a fixed size, a text for one that is named. */
const dimension = size => nested(1, typeof size === 'number' ? integer(1, size) : text(2, size))

const typed = (name, type, shape) => [
  text(1, name),
  nested(2, nested(1, integer(1, elementTypes[type]), nested(2, ...shape.map(dimension)))),
]

const attribute = (name, value) =>
  Array.isArray(value)
    ? nested(5, text(1, name), ...value.map(v => integer(8, v)), integer(20, 7))
    : nested(5, text(1, name), integer(3, value), integer(20, 2))

/** A graph that grows by operations; values are known by their names. */
export class OnnxGraph {
  #parts = []
  #count = 0

  #fresh() {
    this.#count += 1
    return `v${this.#count}`
  }

  input(name, type, shape) {
    this.#parts.push(nested(11, ...typed(name, type, shape)))
    return name
  }

  /** Gives a value out under a name. */
  output(value, name, type, shape) {
    this.#node('Identity', [value], [name], {})
    this.#parts.push(nested(12, ...typed(name, type, shape)))
  }

  constant(type, shape, data) {
    const name = this.#fresh()
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    const dims = shape.map(size => integer(1, size))
    this.#parts.push(nested(5, ...dims, integer(2, elementTypes[type]), text(8, name), nested(9, bytes)))
    return name
  }

  floats(shape, data) {
    return this.constant('float32', shape, Float32Array.from(data))
  }

  integers(...values) {
    return this.constant('int64', [values.length], BigInt64Array.from(values, BigInt))
  }

  op(type, inputs, attributes = {}) {
    const name = this.#fresh()
    this.#node(type, inputs, [name], attributes)
    return name
  }

  /** An operation with several results. */
  ops(type, inputs, results, attributes = {}) {
    const names = Array.from({ length: results }, () => this.#fresh())
    this.#node(type, inputs, names, attributes)
    return names
  }

  #node(type, inputs, outputs, attributes) {
    const listed = Object.entries(attributes).map(([name, value]) => attribute(name, value))
    this.#parts.push(
      nested(1, ...inputs.map(i => text(1, i)), ...outputs.map(o => text(2, o)), text(4, type), ...listed),
    )
  }

  /** The model's file. */
  bytes() {
    return Buffer.concat([
      integer(1, 8),
      nested(7, text(2, 'graph'), ...this.#parts),
      nested(8, text(1, ''), integer(2, 17)),
    ])
  }
}
