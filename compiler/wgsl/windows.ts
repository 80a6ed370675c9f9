/**
 * The names of a buffer's windows. The first has the buffer's own name. A tensor's name in a kernel has no
 * digit after a letter, except in `t_…`, so the names are free.
 */
const windowName = (name: string, i: number): string => (i === 0 ? name : `part${i}_${name}`)

/** The functions that read and write a buffer in windows. */
export const loadName = (name: string): string => `loadFrom_${name}`
export const storeName = (name: string): string => `storeTo_${name}`

/** A buffer that a kernel binds in one window or in several. */
export interface BufferWindows {
  readonly name: string
  readonly mode: 'read' | 'read_write'
  /** The WGSL type of the array's elements. */
  readonly element: string
  readonly windows: number
  /** Elements of each window but the last. */
  readonly length: number
}

/** The variables of a buffer's windows, bound from number `first` on. */
export const declarationsOf = (b: BufferWindows, first: number): readonly string[] =>
  [...Array(b.windows).keys()].map(i => {
    const binding = `@group(0) @binding(${first + i})`
    return `${binding} var<storage, ${b.mode}> ${windowName(b.name, i)}: array<${b.element}>;`
  })

/** Statements that find the window of the index `i` and use the element there. */
const chooseWindow = (b: BufferWindows, then: (place: string) => string): readonly string[] =>
  [...Array(b.windows).keys()].map(i => {
    const place = `${windowName(b.name, i)}[${i === 0 ? 'i' : `i - ${i * b.length}`}]`
    return i === b.windows - 1 ? `  ${then(place)}` : `  if (i < ${(i + 1) * b.length}) { ${then(place)} }`
  })

/** The functions that access a buffer in several windows by one index; none for a buffer in one window. */
export const functionsOf = (b: BufferWindows): readonly string[] => {
  if (b.windows === 1) return []
  const load = [
    `fn ${loadName(b.name)}(i: i32) -> ${b.element} {`,
    ...chooseWindow(b, place => `return ${place};`),
    '}',
  ]
  const store = [
    `fn ${storeName(b.name)}(i: i32, value0: ${b.element}) {`,
    ...chooseWindow(b, place => `${place} = value0; return;`),
    '}',
  ]
  return b.mode === 'read' ? load : [...load, ...store]
}
