import * as Either from 'fp-ts/lib/Either.js'
import type { DeviceTraits } from '../../compiler/artifact.js'
import { printBuffers } from '../../compiler/backend/print-buffers.js'
import { printCoreFunction } from '../../compiler/core/print-core.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { printGraph } from '../../compiler/ir/print.js'
import { printGroups } from '../../compiler/kernel/print-groups.js'
import { packInputs, plannedInPhases, simplified } from '../../compiler/pipeline.js'
import { printSchedules } from '../../compiler/schedule/print-schedules.js'
import { specialiseFn } from '../../compiler/specialise/specialise.js'
import { parse } from '../../compiler/syntax/parse.js'
import { printTokens, tokensIn } from '../../compiler/syntax/print-tokens.js'
import { functionTree, printTree, treeAsData } from '../../compiler/syntax/print-tree.js'
import type { Device } from '../../runtime/node.js'
import { deviceEngine, type HostTensor } from '../engine/engine.js'
import { ProgramError } from '../errors/program-error.js'
import { UserError } from '../errors/user-error.js'
import { type LoadedProgram, loadProgram } from '../folders/load-program.js'
import { chosenModelProgram } from '../folders/model-program.js'
import { interpreterEngine } from '../host/open-engine.js'
import { findFunction } from './call/find.js'
import { type Call, type CallOptions, prepareCall, remarksOf } from './call/prepare.js'
import { type DeviceChoice, openTraits } from './explain-device.js'
import { gradientOf } from './grad.js'
import { showTensor, tensorJson } from './show-values.js'

/** The stages of a function's way, in their order. */
export const stageNames = [
  'tokens',
  'tree',
  'core',
  'graph',
  'derivative',
  'simplified',
  'groups',
  'schedules',
  'wgsl',
  'buffers',
  'numbers',
] as const

export type StageName = (typeof stageNames)[number]

/** One stage of a function as text, and as data where the text is a picture of plain data. */
export interface StageListing {
  readonly text: string
  readonly data?: unknown
  /** Values that were chosen because nobody gave them, in words. */
  readonly remarks?: readonly string[]
}

export interface StageOptions extends Omit<CallOptions, 'inputs'> {
  readonly memory?: number | undefined
  readonly device: DeviceChoice
}

const isStage = (name: string): name is StageName => stageNames.some(s => s === name)

/** The stage of this name. Throws a `UserError` (usage) where there is none, or where it lacks an option. */
export const stageOf = (name: string, wrt: string | undefined): StageName => {
  const why = `the stages are ${stageNames.join(', ')}`
  if (!isStage(name))
    throw new UserError({
      what: `there is no stage \`${name}\``,
      why,
      hint: 'name one of them by --stage',
      exitCode: 2,
    })
  if (name === 'derivative' && wrt === undefined)
    throw new UserError({
      what: 'the stage `derivative` needs a parameter',
      why: `a derivative is taken by one parameter of the function; ${why}`,
      hint: 'name the parameter by --wrt',
      exitCode: 2,
    })
  return name
}

/** Lists a stage of a function. Throws what loading and compiling throw. */
export const listStage = async (stage: StageName, options: StageOptions): Promise<StageListing> => {
  if (stage === 'tokens' || stage === 'tree' || stage === 'core') {
    const model = await chosenModelProgram(options)
    return listSourceStage(stage, options, loadProgram([options.file], { model }))
  }
  const call = await prepareCall({ ...options, inputs: stage === 'numbers' ? 'invent' : 'none' })
  try {
    return await listGraphStage(stage, call, options)
  } finally {
    await call.close()
  }
}

/** The stages before sizes are numbers. */
const listSourceStage = (
  stage: 'tokens' | 'tree' | 'core',
  { file, fn: name }: StageOptions,
  loaded: LoadedProgram,
): StageListing => {
  const fn = findFunction(loaded, file, name)
  if (stage === 'core') return { text: printCoreFunction(fn) }
  if (stage === 'tokens') {
    const tokens = tokensIn(fn.span)
    return { text: printTokens(tokens), data: tokens }
  }
  const parsed = parse(fn.span.source)
  if (Either.isLeft(parsed)) throw new ProgramError(parsed.left)
  const tree = functionTree(parsed.right, fn.name)!
  return { text: printTree(tree), data: treeAsData(tree) }
}

const listGraphStage = async (
  stage: Exclude<StageName, 'tokens' | 'tree' | 'core'>,
  call: Call,
  options: StageOptions,
): Promise<StageListing> => {
  if (stage === 'graph') return { text: printGraph(specialiseFn(call.program, call.fn, call.bindings)) }
  const { wrt, file, memory } = options
  const graph =
    wrt === undefined ? specialiseFn(call.program, call.fn, call.bindings) : gradientOf(call, wrt, file)
  if (stage === 'derivative') return { text: printGraph(graph) }
  const simple = packInputs(simplified(graph), call.packing)
  if (stage === 'simplified') return { text: printGraph(simple) }
  const { traits, device } = await openTraits(options.device)
  try {
    if (stage === 'numbers') return await listNumbers(call, packInputs(graph, call.packing), device)
    return listBackEndStage(stage, simple, traits, { name: call.fn.name, memory })
  } finally {
    device?.close()
  }
}

const listBackEndStage = (
  stage: 'groups' | 'schedules' | 'wgsl' | 'buffers',
  graph: Graph,
  traits: DeviceTraits,
  options: { readonly name: string; readonly memory: number | undefined },
): StageListing => {
  const { grouped, parts, artifact } = plannedInPhases(graph, traits, options)
  switch (stage) {
    case 'groups':
      return { text: printGroups(grouped.groups) }
    case 'schedules':
      return { text: printSchedules(artifact.kernels), data: artifact.kernels.map(k => k.chosen) }
    case 'wgsl':
      return {
        text: artifact.kernels.map((k, i) => `// kernel ${i}: ${k.name}\n${k.wgsl.trimEnd()}`).join('\n\n'),
        data: artifact.kernels.map(({ name, wgsl, workgroupSize }) => ({ name, workgroupSize, wgsl })),
      }
    case 'buffers': {
      const { buffers, inputs, outputs, steps } = artifact
      return { text: printBuffers(parts), data: { buffers, inputs, outputs, steps } }
    }
  }
}

/** Runs a graph by the interpreter, and by the device if there is one. Values that nobody gave are random. */
const listNumbers = async (call: Call, graph: Graph, device: Device | undefined): Promise<StageListing> => {
  const inputs = await call.values(graph)
  const engines = [interpreterEngine, ...(device === undefined ? [] : [deviceEngine(device)])]
  const results: { readonly engine: string; readonly outputs: ReadonlyMap<string, HostTensor> }[] = []
  for (const engine of engines)
    results.push({ engine: engine.name, outputs: await engine.run(graph, inputs, { name: call.fn.name }) })
  const texts = (tensors: ReadonlyMap<string, HostTensor>): readonly string[] =>
    [...tensors].map(([name, t]) => showTensor(name, t))
  const asData = (tensors: ReadonlyMap<string, HostTensor>) =>
    Object.fromEntries([...tensors].map(([name, t]) => [name, tensorJson(t)]))
  return {
    text: [
      'inputs',
      ...texts(inputs),
      ...results.flatMap(r => ['', `outputs, ${r.engine}`, ...texts(r.outputs)]),
      ...differenceLines(results.map(r => r.outputs)),
    ].join('\n'),
    data: {
      inputs: asData(inputs),
      results: results.map(r => ({ engine: r.engine, outputs: asData(r.outputs) })),
    },
    remarks: remarksOf(call),
  }
}

/** How far the results of two engines lie apart, in words; nothing where there is one. */
const differenceLines = (results: readonly ReadonlyMap<string, HostTensor>[]): readonly string[] => {
  const [expected, got] = results
  if (expected === undefined || got === undefined) return []
  const apart = [...expected].map(([name, { data }]) => ({
    name,
    by: Array.from(data, (x, i) => Math.abs(x - got.get(name)!.data[i]!)).reduce((a, b) => Math.max(a, b), 0),
  }))
  return ['', ...apart.map(({ name, by }) => `largest difference of ${name}: ${by.toExponential(1)}`)]
}

/** The first lines of a listing, and how many more there are. */
export const cutLines = (text: string, lines: number | undefined): string => {
  const all = text.trimEnd().split('\n')
  if (lines === undefined || all.length <= lines) return all.join('\n')
  const more = all.length - lines
  return [...all.slice(0, lines), `… ${more} more ${more === 1 ? 'line' : 'lines'}`].join('\n')
}
