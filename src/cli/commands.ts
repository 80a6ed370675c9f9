import type { Command } from 'commander'

/** A command before its module is loaded: what the list of commands says of it. */
interface CommandEntry {
  readonly description: string
  /** Loads the module that adds the command, with its options, to a program; `describe` gives all of them. */
  readonly load: (describe: () => Promise<Command>) => Promise<(program: Command) => void>
}

/** The commands in the order of the help. A module is loaded when its command is asked for. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  check: {
    description: 'check programs and everything that they import; print all errors at once',
    load: async () => (await import('./check.js')).registerCheckCommand,
  },
  fmt: {
    description: 'lay programs out in the one style, and print which files changed',
    load: async () => (await import('./fmt.js')).registerFmtCommand,
  },
  test: {
    description: 'run the `test` blocks of programs; by default those of the standard library',
    load: async () => (await import('./test.js')).registerTestCommand,
  },
  run: {
    description: 'evaluate a function: inputs by name from a file, weights from a model, sizes from both',
    load: async () => (await import('./run.js')).registerRunCommand,
  },
  grad: {
    description: "print or evaluate a function's derivative, or compare it with finite differences",
    load: async () => (await import('./grad.js')).registerGradCommand,
  },
  explain: {
    description:
      "explain a diagnostic's code, what a module declares, a function's kernels, or one stage of " +
      'its compilation',
    load: async () => (await import('./explain.js')).registerExplainCommand,
  },
  data: {
    description: 'show a data folder as a model reads it: counts, lengths, omitted examples, and tokens',
    load: async () => (await import('./data.js')).registerDataCommand,
  },
  train: {
    description: 'train by a recipe, with validation and early stopping; keep the best state',
    load: async () => (await import('./train.js')).registerTrainCommand,
  },
  eval: {
    description: 'score a run, its base model, or any model on a data set',
    load: async () => (await import('./eval.js')).registerEvalCommand,
  },
  generate: {
    description: 'continue texts with a run, its base model, or any model',
    load: async () => (await import('./generate.js')).registerGenerateCommand,
  },
  report: {
    description:
      'write an HTML page about a run or several seeds: scores before and after, curves, gates, texts',
    load: async () => (await import('./report.js')).registerReportCommand,
  },
  new: {
    description: 'write the program for a checkpoint of a family that has none yet, as far as it can',
    load: async () => (await import('./new.js')).registerNewCommand,
  },
  task: {
    description: 'the tasks that methods are compared on: their data, prompts and scores',
    load: async () => (await import('./task.js')).registerTaskCommand,
  },
  compare: {
    description: 'compare methods on tasks: tune each alike, train over seeds, score, and draw a page',
    load: async () => (await import('./compare.js')).registerCompareCommand,
  },
  merge: {
    description: "write a model with a run's edits in its weights, as a folder that transformers loads",
    load: async () => (await import('./merge.js')).registerMergeCommand,
  },
  export: {
    description: "write a run's adapter in the files of others",
    load: async () => (await import('./exchange.js')).registerExportCommand,
  },
  import: {
    description: "read LoRA of PEFT, or JoLA of its authors' code, as an adapter of ours",
    load: async () => (await import('./exchange.js')).registerImportCommand,
  },
  devices: {
    description: "list this machine's WebGPU adapters, their features and limits",
    load: async () => (await import('./devices.js')).registerDevicesCommand,
  },
  bench: {
    description:
      'measure kernels, steps, epochs, masks, decoding and compiling, compared with ceilings and peers',
    load: async () => (await import('./bench.js')).registerBenchCommand,
  },
  completion: {
    description: 'print the script that completes commands, options and files in a shell',
    load: async describe => (await import('./completion.js')).registerCompletionCommand(describe),
  },
}
