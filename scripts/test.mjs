// All checks of the project: types and style, the tests, and the tests inside the standard library.
// The last line is `N passed, N failed, N skipped`; a check that is no test counts as one. Exit code 1 if any
// failed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'jola-test-'))
const counts = { passed: 0, failed: 0, skipped: 0 }

// What was measured on this machine earlier is not what is tested.
const untuned = { ...process.env, JOLA_TUNE: '0' }

const tool = (name, ...path) => join(root, 'node_modules', name, ...path)
const node = (args, options) =>
  spawnSync(process.execPath, args, { cwd: root, env: untuned, stdio: 'inherit', ...options })

const heading = title => console.log(`\n── ${title}`)

/** A command that passes or fails as a whole. */
const check = (title, args) => {
  heading(title)
  const passed = node(args).status === 0
  counts[passed ? 'passed' : 'failed'] += 1
  if (passed) console.log('fine')
}

const unitTests = () => {
  heading('tests')
  const file = join(scratch, 'vitest.json')
  const { status } = node([
    tool('vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ])
  if (!existsSync(file)) {
    counts.failed += 1
    return
  }
  const report = JSON.parse(readFileSync(file, 'utf8'))
  counts.passed += report.numPassedTests
  counts.failed += report.numFailedTests
  counts.skipped += report.numPendingTests + report.numTodoTests
  // A file that can't even be loaded has no tests that could fail.
  if (status !== 0 && report.numFailedTests === 0) counts.failed += Math.max(1, report.numFailedTestSuites)
}

/** `jola test --json` prints one object with its own counts. */
const programTests = () => {
  const cli = join(root, 'dist', 'src', 'cli', 'main.js')
  if (!existsSync(cli)) return
  heading('tests inside the standard library')
  const { status, stdout } = node([cli, 'test', 'stdlib', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  try {
    const { passed, failed, skipped = 0 } = JSON.parse(stdout)
    if (![passed, failed, skipped].every(Number.isInteger)) throw new Error('its counts are missing')
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
    if (failed > 0) console.log(stdout)
    counts.passed += passed
    counts.failed += failed
    counts.skipped += skipped
    if (status !== 0 && failed === 0) counts.failed += 1
  } catch (error) {
    console.log(stdout)
    console.log(`jola test --json did not give its counts: ${error.message}`)
    counts.failed += 1
  }
}

try {
  check('types', [tool('typescript', 'bin', 'tsc'), '--noEmit', '-p', 'tsconfig.json'])
  check('style', [tool('@biomejs', 'biome', 'bin', 'biome'), 'check', '.'])
  unitTests()
  programTests()
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = counts.failed > 0 ? 1 : 0
