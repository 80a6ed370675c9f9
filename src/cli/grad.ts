import type { Command } from 'commander'
import type { CoreFn } from '../../compiler/core/core.js'
import { printGraph } from '../../compiler/ir/print.js'
import { simplified } from '../../compiler/pipeline.js'
import { derivativeSource } from '../../compiler/print-source/derivative.js'
import { inputsOf } from '../../compiler/specialise/parameters.js'
import { pulledBack } from '../../compiler/specialise/pulled-back.js'
import { specialiseGrad } from '../../compiler/specialise/specialise.js'
import type { HostTensor } from '../engine/engine.js'
import { UserError } from '../errors/user-error.js'
import { type EngineKind, openEngine } from '../host/open-engine.js'
import { someOf } from './call/find.js'
import { type Call, type CallOptions, prepareCall, remarksOf } from './call/prepare.js'
import { checkGradient, type TensorCheck } from './grad-check.js'
import { checkWritable, deliver } from './run.js'
import {
  allowOption,
  deviceOption,
  examples,
  modelOption,
  paint,
  positiveInteger,
  positiveNumber,
  print,
  printJson,
  programOption,
  Reported,
  remark,
  seedOption,
  sizeOption,
} from './shared.js'
import { showElement, showNumber } from './show-values.js'

/** Refuses a function or a parameter that has no derivative. */
const checkDifferentiable = (fn: CoreFn, wrt: string, file: string): void => {
  const param = fn.params.find(p => p.name === wrt)
  const refusal = (what: string, why: string, hint: string, exitCode: 1 | 2): UserError =>
    new UserError({ what, where: file, why, hint, exitCode })
  if (param === undefined)
    throw refusal(
      `\`${fn.name}\` has no parameter \`${wrt}\``,
      `its parameters are: ${someOf(fn.params.map(p => p.name))}`,
      'name one of them by --wrt',
      2,
    )
  if (!inputsOf(param.name, param.type).some(s => s.dtype === 'f32'))
    throw refusal(
      `\`${wrt}\` holds no f32`,
      'only f32 has derivatives',
      'differentiate by a tensor or a record of f32',
      2,
    )
  const result = fn.result.kind === 'tuple' ? fn.result.items[0]! : fn.result
  if (result.kind !== 'scalar' || result.dtype !== 'f32')
    throw refusal(
      `\`${fn.name}\` gives no number to differentiate`,
      'a derivative is that of an f32, of a tensor of f32, or of a tuple whose first item is an f32',
      'write a function that sums up what you mean',
      1,
    )
}

/** The graph of value and gradient. */
export const gradientOf = (call: Call, wrt: string, file: string) => {
  checkDifferentiable(call.fn, wrt, file)
  return specialiseGrad(call.program, call.fn, wrt, call.bindings)
}

const evaluate = async (
  call: Call,
  graph: ReturnType<typeof gradientOf>,
  device: EngineKind,
): Promise<{ inputs: ReadonlyMap<string, HostTensor>; outputs: ReadonlyMap<string, HostTensor> }> => {
  const inputs = await call.values(graph)
  const engine = await openEngine(device)
  try {
    return { inputs, outputs: await engine.run(graph, inputs, { name: call.fn.name }) }
  } finally {
    engine.close()
  }
}

const derivativesIn = (outputs: ReadonlyMap<string, HostTensor>): ReadonlyMap<string, HostTensor> =>
  new Map([...outputs].flatMap(([n, t]) => (n.startsWith('grad.') ? [[n.slice(5), t] as const] : [])))

/** Whether a tensor's derivative is right. */
export const passes = (c: TensorCheck, tolerance: number): boolean =>
  c.worst === undefined || c.worst.error <= tolerance

const showCheck = (c: TensorCheck, tolerance: number): string => {
  const mark = passes(c, tolerance) ? paint('green', 'ok    ') : paint('red', 'wrong ')
  if (c.worst === undefined) return `${mark} ${c.name}: empty`
  const { flat, derivative, difference, error } = c.worst
  const amount = c.checked === c.elements ? `all ${c.elements}` : `${c.checked} of ${c.elements}`
  return (
    `${mark} ${c.name}: ${amount} checked; worst ${showElement(c.name, c.shape, flat)}: ` +
    `derivative ${showNumber(derivative)}, difference ${showNumber(difference)}, relative ` +
    `error ${error.toExponential(1)}`
  )
}

interface GradOptions {
  readonly fn: string
  readonly wrt: string
  readonly check?: true
  readonly tolerance: number
  readonly sample: number
  readonly in?: string
  readonly out?: string
  readonly model?: string
  readonly program?: string
  readonly allow?: readonly string[]
  readonly device?: EngineKind
  readonly seed: number
  readonly size?: ReadonlyMap<string, number>
  readonly json?: true
}

const nothingToCompare = (call: Call, value: number): UserError => {
  const remarks = remarksOf(call)
  const is = Number.isNaN(value) ? 'not a number' : 'infinite'
  return new UserError({
    what: `\`${call.fn.name}\` is ${is} here, and has no differences`,
    ...(remarks.length === 0 ? {} : { why: remarks.join('; ') }),
    hint: 'give other sizes by --size, or other values by --in; --seed draws others',
  })
}

/** The result of `jola grad --check`. Missing inputs get random numbers, which `remarks` lists. */
const checkDerivative = async (
  options: Omit<CallOptions, 'inputs'> & {
    readonly wrt: string
    readonly device: EngineKind
    readonly tolerance: number
    readonly sample: number
  },
): Promise<{
  readonly value: number
  readonly checks: readonly TensorCheck[]
  readonly remarks: readonly string[]
}> => {
  const call = await prepareCall({ ...options, inputs: 'invent' })
  try {
    const graph = gradientOf(call, options.wrt, options.file)
    const { inputs, outputs } = await evaluate(call, graph, options.device)
    const value = outputs.get('value')!.data[0]!
    if (!Number.isFinite(value)) throw nothingToCompare(call, value)
    const checks = checkGradient(graph, inputs, derivativesIn(outputs), options)
    return { value, checks, remarks: remarksOf(call) }
  } finally {
    await call.close()
  }
}

const check = async (file: string, options: GradOptions): Promise<void> => {
  const device = options.device ?? 'interpreter'
  const { value, checks, remarks } = await checkDerivative({ ...options, device, file })
  const worst = Math.max(0, ...checks.map(c => c.worst?.error ?? 0))
  const right = checks.every(c => passes(c, options.tolerance))
  if (options.json) printJson({ value, tolerance: options.tolerance, worst, right, tensors: checks, remarks })
  else {
    for (const r of remarks) remark(r)
    print(
      [
        `value ${showNumber(value)}`,
        ...checks.map(c => showCheck(c, options.tolerance)),
        `worst relative error ${worst.toExponential(1)}, ${right ? 'within' : 'above'} ` +
          `${options.tolerance.toExponential(0)}; derivative on the ${device}, central ` +
          'differences in float64',
      ].join('\n'),
    )
  }
  if (!right) throw new Reported(1)
}

/** The derivative as source for all sizes, or as the compiled IR if the language cannot express it. */
const derivativeText = async (options: Omit<CallOptions, 'inputs'> & { readonly wrt: string }) => {
  const call = await prepareCall({ ...options, inputs: 'none', chooseSizes: true })
  try {
    // The function as declared: parameters with defaults stay parameters.
    const fn = pulledBack(call.program.fns.get(call.fn.id)!)
    checkDifferentiable(fn, options.wrt, options.file)
    const found = derivativeSource(call.program, fn, options.wrt, call.bindings)
    if (found?.kind === 'source') return found.text.trimEnd()
    const of = `The value of ${call.fn.id} and its derivative by \`${options.wrt}\`, simplified`
    const format =
      '// Tensor IR: a line a tensor; %n is a tensor, [i=4] an axis, and `sum j=3: e` folds an axis away.'
    if (found !== undefined)
      return [
        `// ${of}, for all sizes.`,
        `// It contains ${found.why}, for which the language has no words: this is no source.`,
        format,
        found.text,
      ].join('\n')
    const sizes = call.fn.sizes.map(n => `${n}=${call.bindings.sizes.get(n)}`).join(' ')
    return [
      `// ${of}, for ${sizes} (set them by --size or --model).`,
      format,
      printGraph(simplified(gradientOf(call, options.wrt, options.file))),
    ].join('\n')
  } finally {
    await call.close()
  }
}

/** Whether the model, the seed and defaults provide all values. */
const needsNothing = async (file: string, options: GradOptions): Promise<boolean> => {
  const call = await prepareCall({ ...options, file, inputs: 'none', chooseSizes: true })
  await call.close()
  return call.missing.length === 0 && call.chosen.size === 0
}

/** Adds `jola grad`. */
export const registerGradCommand = (program: Command): void => {
  program
    .command('grad')
    .argument('<file>', 'a .jola file')
    .requiredOption(
      '--fn <name>',
      'the function, which gives an f32, a tuple that begins with one, or a tensor: of a tensor, the ' +
        'cotangent `d_NAME` is an input more',
    )
    .requiredOption(
      '--wrt <parameter>',
      'the parameter to differentiate with respect to: a tensor or a record',
    )
    .option('--check', 'compare with central differences in float64; inputs not given are random')
    .option('--tolerance <x>', 'for --check: the largest relative error to accept', positiveNumber, 1e-3)
    .option(
      '--sample <n>',
      'for --check: the number of elements to check in a large tensor',
      positiveInteger,
      64,
    )
    .option('--in <file>', 'inputs as safetensors')
    .option('--out <file>', 'the file for `value` and `grad.…`; by default they are printed')
    .addOption(modelOption())
    .addOption(programOption())
    .addOption(allowOption())
    .addOption(deviceOption('gpu').default(undefined, 'gpu, and interpreter with --check'))
    .addOption(seedOption())
    .addOption(sizeOption())
    .option('--json', 'print the results as JSON')
    .addHelpText(
      'after',
      examples([
        'grad my.jola --fn loss --wrt w',
        'grad my.jola --fn loss --wrt w --in x.safetensors --out grad.safetensors',
        'grad stdlib/edits/jola.jola --fn loss --wrt edits --check --model DIR',
      ]),
    )
    .action(async (file: string, options: GradOptions) => {
      if (options.out !== undefined) checkWritable(options.out)
      if (options.check) return check(file, options)
      const evaluates =
        options.in !== undefined || options.out !== undefined || (await needsNothing(file, options))
      if (!evaluates) {
        const source = await derivativeText({ ...options, file })
        return options.json ? printJson({ source }) : print(source)
      }
      const call = await prepareCall({ ...options, file, inputs: 'read' })
      try {
        const { outputs } = await evaluate(call, gradientOf(call, options.wrt, file), options.device ?? 'gpu')
        await deliver(outputs, options)
      } finally {
        await call.close()
      }
    })
}
