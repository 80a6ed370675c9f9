import { type Command, Option } from 'commander'
import type { CoreTest, Program } from '../../compiler/core/core.js'
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.js'
import type { Span } from '../../compiler/diagnostics/source.js'
import { specialiseTest } from '../../compiler/specialise/specialise.js'
import { DeviceError } from '../../runtime/errors.js'
import type { Engine } from '../engine/engine.js'
import { ProgramError } from '../errors/program-error.js'
import { stdlibFolder } from '../files/stdlib-folder.js'
import { programFiles } from '../folders/check-files.js'
import { loadProgram } from '../folders/load-program.js'
import { interpreterEngine, openEngine } from '../host/open-engine.js'
import { judge, placeOfSpan } from './expectation.js'
import {
  count,
  examples,
  paint,
  print,
  printJson,
  Reported,
  remark,
  renderDiagnostics,
  renderingFor,
} from './shared.js'

/** The place where a test failed. */
export interface TestFailure {
  readonly device: string
  readonly place: string
  /** The first line of the failing expression. */
  readonly source: string
  readonly message: string
}

/** One `test` block and its results on all devices. */
export interface TestResult {
  readonly module: string
  readonly title: string
  readonly place: string
  readonly failures: readonly TestFailure[]
}

const runTest = async (program: Program, test: CoreTest, engine: Engine): Promise<readonly TestFailure[]> => {
  const at = (message: string, span: Span = test.span): TestFailure => ({
    device: engine.name,
    place: placeOfSpan(span),
    source: span.source.text.slice(span.start, span.end).split('\n')[0]!.trim(),
    message,
  })
  try {
    const outputs = await engine.run(specialiseTest(program, test), new Map(), { name: test.title })
    return test.expectations.flatMap((x, i) => {
      const wrong = judge(i, x, outputs)
      return wrong === undefined ? [] : [at(wrong, x.span)]
    })
  } catch (error) {
    // A defect of Jola in one test should not hide the other tests; without a device no test can run.
    if (error instanceof DeviceError && error.kind !== 'internal') throw error
    return [at(`internal error: ${error instanceof Error ? error.message : String(error)}`)]
  }
}

/**
 * Runs the tests of one file on every engine, one after the other. Throws a `ProgramError` if it does not
 * check.
 */
export const testFile = async (
  file: string,
  engines: readonly Engine[],
): Promise<{ readonly module: string; readonly results: readonly TestResult[] }> => {
  const { program, modules } = loadProgram([file])
  const results: TestResult[] = []
  for (const test of program.tests) {
    if (!modules.includes(test.module)) continue
    const failures: TestFailure[] = []
    for (const engine of engines) failures.push(...(await runTest(program, test, engine)))
    results.push({ module: test.module, title: test.title, place: placeOfSpan(test.span), failures })
  }
  return { module: modules[0]!, results }
}

const enginesFor = async (device: string | undefined): Promise<readonly Engine[]> => {
  if (device === 'interpreter') return [interpreterEngine]
  if (device === 'gpu') return [await openEngine('gpu')]
  try {
    return [interpreterEngine, await openEngine('gpu')]
  } catch (error) {
    if (device === 'both' || !(error instanceof DeviceError && error.kind === 'no-adapter')) throw error
    remark(`${error.what}: testing on the interpreter only`)
    return [interpreterEngine]
  }
}

const showFailed = (r: TestResult): string =>
  [
    `${paint('red', 'failed')} "${r.title}"`,
    ...r.failures.flatMap(f => [
      `  ${f.place}: ${paint('bold', f.source)}`,
      `    ${f.message}`,
      `    on ${f.device}`,
    ]),
  ].join('\n')

const showModule = (module: string, results: readonly TestResult[]): string => {
  const failed = results.filter(r => r.failures.length > 0)
  const mark = failed.length === 0 ? paint('green', 'ok') : paint('red', 'failed')
  const said =
    results.length === 0
      ? 'no tests'
      : `${count(results.length, 'test')}${failed.length > 0 ? `, ${failed.length} failed` : ''}`
  return [`${mark} ${module}: ${said}`, ...failed.map(showFailed)].join('\n')
}

interface TestOptions {
  readonly device?: 'both' | 'gpu' | 'interpreter'
  readonly json?: true
}

const runTests = async (paths: readonly string[], options: TestOptions): Promise<void> => {
  const files = programFiles(paths.length > 0 ? paths : [stdlibFolder])
  const engines = await enginesFor(options.device)
  const results: TestResult[] = []
  const broken = new Map<string, Diagnostic>()
  let brokenFiles = 0
  try {
    for (const file of files) {
      try {
        const tested = await testFile(file, engines)
        results.push(...tested.results)
        if (!options.json) print(showModule(tested.module, tested.results))
      } catch (error) {
        if (!(error instanceof ProgramError)) throw error
        brokenFiles += 1
        // Several files may import the same file with errors.
        for (const d of error.diagnostics)
          broken.set(`${d.code} ${d.labels[0] === undefined ? d.title : placeOfSpan(d.labels[0].span)}`, d)
        if (!options.json) print(`${paint('red', 'failed')} ${file}: it does not check`)
      }
    }
  } finally {
    for (const engine of engines) engine.close()
  }
  const failed = results.filter(r => r.failures.length > 0).length + brokenFiles
  const passed = results.filter(r => r.failures.length === 0).length
  if (broken.size > 0) remark(renderDiagnostics([...broken.values()], renderingFor(process.stderr)))
  if (options.json)
    printJson({ devices: engines.map(e => e.name), passed, failed, files: files.length, tests: results })
  else {
    remark(`on ${engines.map(e => e.name).join(' and ')}`)
    print(`${passed} passed, ${failed} failed`)
  }
  if (failed > 0) throw new Reported(1)
}

/** Adds `jola test`. */
export const registerTestCommand = (program: Command): void => {
  program
    .command('test')
    .argument('[path...]', '.jola files, or folders of them')
    .addOption(
      new Option(
        '--device <kind>',
        'the GPU, the float64 interpreter, or both (the default if there is a GPU)',
      ).choices(['both', 'gpu', 'interpreter']),
    )
    .option('--json', 'print all results as JSON')
    .addHelpText('after', examples(['test', 'test my.jola', 'test --device interpreter examples']))
    .action(runTests)
}
