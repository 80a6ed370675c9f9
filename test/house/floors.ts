/** A room: a folder, or a single file, whose files may import each other but not in a circle. */
export interface Room {
  readonly name: string
  /** What it does, in a few words, for the picture. */
  readonly purpose: string
}

/** Rooms side by side on a floor do not import each other. */
export type Floor = readonly Room[]

const room = (name: string, purpose: string): Room => ({ name, purpose })

/** The floors of `compiler/`, the lowest first. A room imports rooms of lower floors only, types included. */
export const compilerFloors: readonly Floor[] = [
  [room('artifact', 'what the runtime gets: plain data, which imports nothing')],
  [room('diagnostics', 'sources, messages and limits')],
  [room('syntax', 'text → tokens → tree, and back')],
  [
    room('names', 'modules, imports, and what a name refers to'),
    room('format', 'one layout for every source'),
  ],
  [room('core', 'types, size polynomials, and the typed core')],
  [room('types', 'tree → core: inference and shapes')],
  [room('ir', 'the tensor IR, its primitives, verifier and interpreter')],
  [room('affine', 'index arithmetic')],
  [
    room('differentiate', 'reverse mode on the IR'),
    room('simplify', 'laws, to a fixed point'),
    room('incremental', 'a function of a sequence → of its next tokens'),
  ],
  [
    room('specialise', 'core with numbers for sizes → IR'),
    room('open', 'one graph for all numbers of a size'),
  ],
  [room('check', 'a whole program: modules → core'), room('print-source', 'a derivative as .jola source')],
  [room('kernel', 'what a kernel is: group, placements, problem')],
  [room('band', 'what masks make needless')],
  [
    room('fuse', 'which nodes share a kernel'),
    room('plan', 'order, storages, buffers'),
    room('schedule', 'which thread computes what'),
  ],
  [room('memory', 'chunks and rematerialisation'), room('wgsl', 'the text of kernels')],
  [room('backend', 'graph → artifact: all phases after simplify')],
  [room('pipeline', 'source → artifact, one line a phase'), room('codes', 'every diagnostic, explained')],
  [room('index', 'the public interface')],
]

/**
 * The floors of `src/` that run in a browser too, the lowest first: what a page needs to read a model's
 * bytes, to train and to report. What only a platform has (files, hashes, timers for strangers' code) is
 * handed to them as interfaces.
 */
export const portableFloors: readonly Floor[] = [
  [room('errors', 'an error that its reader can mend')],
  [
    room('json', 'the one reader of JSON, with its bounds'),
    room('async', 'work done in turns'),
    room('hash', 'what a platform brings to hash with'),
  ],
  [room('safetensors', 'the format: bytes ↔ tensors'), room('text', 'tokenizers and chat templates')],
  [room('gguf', 'the format of llama.cpp: metadata, tokenizer and weights in one file')],
  [room('data', 'records → examples → tokens → batches')],
  [room('measure', 'timing executables, judging results'), room('engine', 'what evaluates graphs')],
  [room('model', 'configuration and checkpoint → sizes and weights')],
  [
    room('recipe', 'finding a recipe, and its settings'),
    room('sketch', 'a checkpoint of an unknown family → a program, as far as it can be told'),
  ],
  [room('predict', 'scoring and continuing tokens')],
  [room('score', 'scores of a model on examples')],
  [room('tasks', 'what a task is: its files, prompts and score')],
  [room('train', 'the training driver')],
  [room('compare', 'the plan of a comparison, and what its results say')],
  [room('report', 'pages and tables: a run, a comparison')],
]

/** The floors of `src/` above them, which need files, processes or a terminal: Node's. */
export const nodeFloors: readonly Floor[] = [
  [
    room('host', 'this machine: its terminal, its devices'),
    room('files', 'reading and writing one file safely'),
  ],
  [room('folders', 'programs, models, tokenizers and data in folders')],
  [room('tune', 'measuring schedules, and their table')],
  [room('runs', 'a training run in its folder')],
  [room('bench', '`jola bench`'), room('experiments', 'a comparison in its folder')],
  [room('cli', 'one file a command'), room('index', 'the library')],
]

/** The floors of `src/`, the lowest first. */
export const srcFloors: readonly Floor[] = [...portableFloors, ...nodeFloors]

/** Files that stand outside folders and belong to a room of another name. */
const lodgers: Readonly<Record<string, string>> = { 'compiler/traits.ts': 'artifact' }

/** The room of a file below a folder of the top level: `compiler/ir/expr.ts` is in `ir`. */
export const roomOf = (path: string): string => lodgers[path] ?? path.split('/')[1]!.replace(/\.ts$/, '')

/** An import that goes to the same floor's other rooms, or up; or a room that stands on no floor. */
export interface Violation {
  readonly file: string
  readonly imported: string
}

/** The imports between rooms that the order of floors forbids. */
export const violationsOf = (
  floors: readonly Floor[],
  imports: ReadonlyMap<string, readonly string[]>,
): readonly Violation[] => {
  const level = new Map(floors.flatMap((floor, i) => floor.map(r => [r.name, i] as const)))
  const allowed = (file: string, imported: string): boolean => {
    const [from, to] = [roomOf(file), roomOf(imported)]
    const [above, below] = [level.get(from), level.get(to)]
    return from === to || (above !== undefined && below !== undefined && below < above)
  }
  return [...imports].flatMap(([file, all]) =>
    all.flatMap(imported => (imports.has(imported) && !allowed(file, imported) ? [{ file, imported }] : [])),
  )
}

/** The floors as a picture in text, the highest on top. */
export const pictureOf = (floors: readonly Floor[]): readonly string[] => {
  const all = floors.flat()
  const width = Math.max(...all.map(r => r.name.length))
  return [...floors]
    .reverse()
    .flatMap((floor, i) => [
      ...(i === 0 ? [] : [`  ${'─'.repeat(width + 2)}`]),
      ...floor.map(r => `  ${r.name.padEnd(width)}  ${r.purpose}`),
    ])
}
