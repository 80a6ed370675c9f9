/**
 * The names of a buffer's windows, the first of which has the buffer's own. No tensor's name in a kernel has
 * a digit behind a letter, but for `t_…`.
 */
const windowName = (name: string, i: number): string => (i === 0 ? name : `part${i}_${name}`)

/** Functions that read and write a buffer in windows. */
export const loadName = (name: string): string => `loadFrom_${name}`
export const storeName = (name: string): string => `storeTo_${name}`

/** A buffer that a kernel binds in one window or in several. */
export interface BufferWindows {
  readonly name: string
  readonly mode: 'read' | 'read_write'
  /** The WGSL type of what it is an array of. */
  readonly element: string
  readonly windows: number
  /** Elements of each window but the last. */
  readonly length: number
}

/** The variables of a buffer's windows, bound from a number on. */
export const declarationsOf = (b: BufferWindows, first: number): readonly string[] =>
  [...Array(b.windows).keys()].map(
    i =>
      `@group(0) @binding(${first + i}) var<storage, ${b.mode}> ${windowName(b.name, i)}: array<${b.element}>;`,
  )

/** Does something with the element that an index counted over all windows means. */
const choose = (b: BufferWindows, then: (place: string) => string): readonly string[] =>
  [...Array(b.windows).keys()].map(i => {
    const place = `${windowName(b.name, i)}[${i === 0 ? 'i' : `i - ${i * b.length}`}]`
    return i === b.windows - 1 ? `  ${then(place)}` : `  if (i < ${(i + 1) * b.length}) { ${then(place)} }`
  })

/** What an access by an index counted over all windows calls; nothing for a buffer in one. */
export const functionsOf = (b: BufferWindows): readonly string[] => {
  if (b.windows === 1) return []
  const load = [
    `fn ${loadName(b.name)}(i: i32) -> ${b.element} {`,
    ...choose(b, place => `return ${place};`),
    '}',
  ]
  const store = [
    `fn ${storeName(b.name)}(i: i32, value0: ${b.element}) {`,
    ...choose(b, place => `${place} = value0; return;`),
    '}',
  ]
  return b.mode === 'read' ? load : [...load, ...store]
}
