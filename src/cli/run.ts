import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Command } from 'commander'
import { packInputs, specialiseFn } from '../../compiler/pipeline.js'
import type { HostTensor } from '../engine/engine.js'
import { UserError } from '../errors/user-error.js'
import { writeSafetensors } from '../folders/write-safetensors.js'
import { type EngineKind, openEngine } from '../host/open-engine.js'
import type { WeightFormat } from '../model/weight-format.js'
import { type CallOptions, prepareCall } from './call/prepare.js'
import { stored } from './call/tensors.js'
import {
  allowOption,
  count,
  deviceOption,
  examples,
  modelOption,
  print,
  printJson,
  programOption,
  remark,
  seedOption,
  sizeOption,
  weightsOption,
} from './shared.js'
import { showTensor, tensorJson } from './show-values.js'

/** Checks the place of the output before anything is computed. */
export const checkWritable = (path: string): void => {
  const refuse = (why: string, hint: string): never => {
    throw new UserError({ what: 'cannot write the results', where: path, why, hint })
  }
  if (existsSync(path) && statSync(path).isDirectory())
    refuse('it is a directory, and a file is needed', 'name a file inside it')
  if (!existsSync(dirname(path)))
    refuse(`the folder ${dirname(path)} does not exist`, 'make it, or choose another folder')
}

/** Prints results, or writes them to a file and says so. */
export const deliver = async (
  outputs: ReadonlyMap<string, HostTensor>,
  options: { readonly out?: string | undefined; readonly json?: true | undefined },
): Promise<void> => {
  if (options.out !== undefined)
    await writeSafetensors(options.out, new Map([...outputs].map(([n, t]) => [n, stored(t)])))
  if (options.json) {
    const shown = [...outputs].map(([n, t]) => [
      n,
      options.out === undefined ? tensorJson(t) : { dtype: t.dtype, shape: t.shape },
    ])
    printJson({
      outputs: Object.fromEntries(shown),
      ...(options.out === undefined ? {} : { written: options.out }),
    })
  } else if (options.out === undefined) print([...outputs].map(([n, t]) => showTensor(n, t)).join('\n'))
  else remark(`${count(outputs.size, 'tensor')} written to ${options.out}: ${[...outputs.keys()].join(', ')}`)
}

/**
 * Evaluates a function of a program. Its outputs are named `result`, or by the fields and places of a record
 * or tuple.
 */
const evaluateFunction = async (
  options: Omit<CallOptions, 'inputs'> & { readonly device: EngineKind },
): Promise<ReadonlyMap<string, HostTensor>> => {
  const call = await prepareCall({ ...options, inputs: 'read' })
  try {
    const graph = packInputs(specialiseFn(call.program, call.fn, call.bindings), call.packing)
    const values = await call.values(graph)
    const engine = await openEngine(options.device)
    try {
      return await engine.run(graph, values, { name: call.fn.name })
    } finally {
      engine.close()
    }
  } finally {
    await call.close()
  }
}

interface RunOptions {
  readonly fn: string
  readonly in?: string
  readonly out?: string
  readonly model?: string
  readonly program?: string
  readonly allow?: readonly string[]
  readonly weights?: WeightFormat
  readonly device: EngineKind
  readonly seed: number
  readonly size?: ReadonlyMap<string, number>
  readonly json?: true
}

/** Adds `jola run`. */
export const registerRunCommand = (program: Command): void => {
  program
    .command('run')
    .argument('<file>', 'a .jola file')
    .requiredOption('--fn <name>', 'the function')
    .option('--in <file>', 'inputs as safetensors: `x`, and `x.field` for records; scalars have shape []')
    .option('--out <file>', 'the file for the results; by default they are printed')
    .addOption(modelOption())
    .addOption(programOption())
    .addOption(allowOption())
    .addOption(weightsOption())
    .addOption(deviceOption('gpu'))
    .addOption(seedOption())
    .addOption(sizeOption())
    .option('--json', 'print the results, or the names of written tensors, as JSON')
    .addHelpText(
      'after',
      examples([
        'run stdlib/gates.jola --fn settled --in phi.safetensors',
        'run stdlib/models/llama.jola --fn logits --model DIR --in tokens.safetensors --out ' +
          'logits.safetensors',
        'run my.jola --fn noise --size N=16 --seed 7 --device interpreter',
      ]),
    )
    .action(async (file: string, options: RunOptions) => {
      if (options.out !== undefined) checkWritable(options.out)
      await deliver(await evaluateFunction({ ...options, file }), options)
    })
}
