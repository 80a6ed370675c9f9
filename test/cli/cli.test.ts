import { spawn } from 'node:child_process'
import { closeSync, openSync, statSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { codes } from '../../compiler/codes.js'
import { DeviceError } from '../../runtime/errors.js'
import { cli } from '../../src/cli/cli.js'
import { failureOf, wantsColour } from '../../src/cli/shared.js'
import { UserError } from '../../src/errors/user-error.js'
import { folderWith, jola, jolaJson, programText } from './support.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

afterEach(() => {
  vi.unstubAllEnvs()
})

const wrong = 'fn g(x: f32) -> f32 = nothing\nfn f(x: f32) -> f32 = nowhere\n'

describe('jola check', () => {
  it('shows every error, sorted by place, and their number', async () => {
    const folder = await folderWith({ 'a.jola': wrong })
    const { code, out } = await jola('check', join(folder, 'a.jola'))
    expect(code).toBe(1)
    expect(out.indexOf('nothing')).toBeLessThan(out.indexOf('nowhere'))
    expect(out.trimEnd().split('\n').at(-1)).toMatch(/^2 errors; `jola explain E\d+` tells more$/)
    expect(out).not.toContain('\u001b[')
  })

  it('prints them as JSON', async () => {
    const folder = await folderWith({ 'a.jola': wrong })
    const { code, json } = await jolaJson('check', '--json', join(folder, 'a.jola'))
    expect(code).toBe(1)
    expect(json).toMatchObject({
      version: 1,
      diagnostics: [
        { severity: 'error', labels: [{ line: 1 }], fixes: [] },
        { severity: 'error', labels: [{ line: 2 }], fixes: [] },
      ],
    })
  })

  it('is content with a program that is right, and with the standard library', async () => {
    const folder = await folderWith({ 'a.jola': programText })
    expect(await jola('check', join(folder, 'a.jola'))).toMatchObject({ code: 0, err: '' })
    expect(await jolaJson('check', '--json', 'stdlib/edits/jola.jola')).toMatchObject({
      code: 0,
      json: { diagnostics: [] },
    })
  })

  it('tells files of one name in two folders apart, and says once what both import', async () => {
    const right = await folderWith({ 'a.jola': programText })
    const one = await folderWith({ 'a.jola': 'import b\nfn h(x: f32) -> f32 = x\n', 'b.jola': wrong })
    const all = [join(right, 'a.jola'), join(one, 'a.jola'), join(one, 'b.jola')]
    for (const files of [all, [...all].reverse()]) {
      const { code, json } = await jolaJson('check', '--json', ...files)
      expect(code).toBe(1)
      expect(json).toMatchObject({
        version: 1,
        diagnostics: [
          { severity: 'error', labels: [{ line: 1 }], fixes: [] },
          { severity: 'error', labels: [{ line: 2 }], fixes: [] },
          { severity: 'warning', title: 'nothing uses the import `b`' },
        ],
      })
    }
  })

  it('says what is wrong with a file that is missing, or a folder without programs', async () => {
    const folder = await folderWith({})
    const missing = await jola('check', join(folder, 'a.jola'))
    expect({ code: missing.code, why: missing.err.includes('no such file') }).toEqual({ code: 1, why: true })
    const directory = await jola('check', folder)
    expect({ code: directory.code, why: directory.err.includes('the folder holds no program') }).toEqual({
      code: 1,
      why: true,
    })
  })
})

const unusedImport = 'import std.nn (softmax, dot)\nfn f(x: f32[N]) -> f32[N] = softmax(x)\n'

describe('jola check --fix, --strict and folders', () => {
  it('warns without changing the exit code, unless it is to be strict', async () => {
    const folder = await folderWith({ 'a.jola': unusedImport })
    const file = join(folder, 'a.jola')
    const { code, out } = await jola('check', file)
    expect({ code, end: out.trimEnd().split('\n').at(-1) }).toEqual({
      code: 0,
      end: '1 warning; `jola explain W0403` tells more',
    })
    expect(out).toMatch(/^warning\[W0403\]: /)
    expect((await jola('check', '--strict', file)).code).toBe(1)
  })

  it('makes the sure fixes of a folder and says which', async () => {
    const folder = await folderWith({ 'a.jola': unusedImport, 'b.jola': wrong })
    const { code, out } = await jola('check', '--fix', folder)
    expect(code).toBe(1)
    expect(out).toContain('a.jola:1:23: remove the import `dot` (W0403)\n1 fix in 1 file\n')
    expect(await readFile(join(folder, 'a.jola'), 'utf8')).toBe(unusedImport.replace(', dot', ''))
    expect(await readFile(join(folder, 'b.jola'), 'utf8')).toBe(wrong)
    expect((await jola('check', '--strict', join(folder, 'a.jola'))).code).toBe(0)
  })

  it('finds programs in folders below', async () => {
    const folder = await folderWith({ 'a.jola': programText })
    await mkdir(join(folder, 'below'))
    await writeFile(join(folder, 'below', 'b.jola'), wrong)
    const { json } = await jolaJson('check', '--json', folder)
    expect(json).toMatchObject({ diagnostics: [{ severity: 'error' }, { severity: 'error' }] })
  })
})

describe('jola explain', () => {
  it('lists all codes', async () => {
    const { out } = await jola('explain', '--codes')
    expect(
      out
        .trimEnd()
        .split('\n')
        .map(line => line.slice(0, 5)),
    ).toEqual(Object.keys(codes).sort())
  })

  it('explains every code of the catalogue, in any case of letters', async () => {
    for (const entry of Object.values(codes)) {
      const { code, out } = await jola('explain', entry.code.toLowerCase())
      expect(code).toBe(0)
      expect(out).toContain(`${entry.code}: ${entry.title}`)
      for (const line of entry.right.split('\n')) expect(out).toContain(line)
    }
    expect(await jola('explain', 'E9999')).toMatchObject({ code: 2, out: '' })
  })

  it("tells of a function's kernels, and what the derivative adds", async () => {
    const folder = await folderWith({ 'a.jola': programText })
    const of = async (...args: readonly string[]) => {
      const sizes = ['--size', 'N=3', '--size', 'M=4']
      const { code, json } = await jolaJson('explain', join(folder, 'a.jola'), '--json', ...sizes, ...args)
      expect(code).toBe(0)
      return json as {
        nodes: { after: number; derivative?: number }
        dispatches: number
        peakBytes: number
        kernels: { wgsl: string; origins: string[]; dispatches: number }[]
      }
    }
    const value = await of('--fn', 'loss')
    expect(value.nodes.derivative).toBeUndefined()
    expect(value.kernels.every(k => k.wgsl.includes('fn main('))).toBe(true)
    expect(value.kernels.flatMap(k => k.origins).some(o => /a\.jola:9\)/.test(o))).toBe(true)
    expect(value.dispatches).toBe(value.kernels.reduce((n, k) => n + k.dispatches, 0))
    expect(value.peakBytes).toBeGreaterThan(4 * (12 + 4 + 3 + 4 + 1))
    const gradient = await of('--fn', 'loss', '--wrt', 'x')
    expect(gradient.nodes.derivative).toBeGreaterThan(0)
    expect(gradient.nodes.after - gradient.nodes.derivative!).toBeLessThanOrEqual(value.nodes.after + 1)
  })

  it('says by how much a function passes the memory it may take', async () => {
    const folder = await folderWith({ 'a.jola': programText })
    const sizes = ['--fn', 'loss', '--size', 'N=30', '--size', 'M=40']
    const within = (size: string) => jola('explain', join(folder, 'a.jola'), ...sizes, '--memory', size)
    expect(await within('1GiB')).toMatchObject({ code: 0, err: '' })
    const { code, out, err } = await within('1KiB')
    expect(code).toBe(1)
    expect(out).toContain('peak memory')
    expect(err).toMatch(/passes --memory, 1 KiB, by \d+\.\d KiB/)
    expect(await within('0')).toMatchObject({ code: 2, out: '' })
  })

  it('asks which function of a file is meant', async () => {
    expect(await jola('explain', 'stdlib/nn.jola', '--wgsl')).toMatchObject({ code: 2, out: '' })
  })
})

describe('the command line', () => {
  it('has examples in the help of every command', async () => {
    for (const command of (await cli(() => true)).commands) {
      const { code, out } = await jola(command.name(), '--help')
      expect({ command: command.name(), code, examples: /Examples?:\n/.test(out) }).toEqual({
        command: command.name(),
        code: 0,
        examples: true,
      })
    }
  })

  it('tells every exit code', async () => {
    expect((await jola('--help')).out).toMatch(/0 fine, .*1 .*2 usage, 3 device, 130 stopped/)
  })

  it('answers what it does not know with 2', async () => {
    for (const args of [['paint'], ['check'], ['check', '--loud', 'x'], ['run', 'x.jola']])
      expect(await jola(...args)).toMatchObject({ code: 2, out: '' })
    expect(await jola('--version')).toMatchObject({ code: 0, err: '' })
  })

  it('gives each kind of failure its words and its exit code', () => {
    expect(failureOf(new UserError({ what: 'no', exitCode: 2 }), { colour: false })).toEqual({
      text: 'error: no',
      exitCode: 2,
    })
    const lost = failureOf(new DeviceError('lost', { what: 'the device is lost', hint: 'try again' }), {
      colour: false,
    })
    expect(lost).toEqual({ text: 'error: the device is lost\n  hint:  try again', exitCode: 3 })
    const codes = (
      ['input', 'artifact', 'too-small', 'out-of-memory', 'no-adapter', 'internal'] as const
    ).map(kind => failureOf(new DeviceError(kind, { what: 'no' }), { colour: false }).exitCode)
    expect(codes).toEqual([1, 1, 3, 3, 3, 3])
  })

  it('refuses limits that are none as wrong usage, before anything else', async () => {
    for (const limits of ['buffers', 'buffers=0', 'buffer=-1', 'baseline;buffers=8', '__proto__=1']) {
      vi.stubEnv('JOLA_LIMITS', limits)
      const { code, err } = await jola('check', 'nowhere.jola')
      expect({ limits, code, said: err.includes('is no limit of a device') }).toEqual({
        limits,
        code: 2,
        said: true,
      })
    }
    vi.stubEnv('JOLA_LIMITS', 'baseline,buffers=10')
    expect((await jola('explain', 'E0101')).code).toBe(0)
  })

  it('owns up to internal errors, with a stack only when asked', () => {
    vi.stubEnv('JOLA_DEBUG', '')
    const quiet = failureOf(new TypeError('x is undefined'), { colour: false })
    expect(quiet.exitCode).toBe(70)
    expect(quiet.text).toContain('internal error: TypeError: x is undefined')
    expect(quiet.text).not.toContain('cli.test')
    vi.stubEnv('JOLA_DEBUG', '1')
    expect(failureOf(new TypeError('x is undefined'), { colour: false }).text).toContain('cli.test')
  })

  it('colours terminals only, unless NO_COLOR or FORCE_COLOR say otherwise', () => {
    vi.stubEnv('NO_COLOR', '')
    vi.stubEnv('FORCE_COLOR', '')
    expect([wantsColour({ isTTY: true }), wantsColour({ isTTY: false }), wantsColour({})]).toEqual([
      true,
      false,
      false,
    ])
    vi.stubEnv('NO_COLOR', '1')
    expect(wantsColour({ isTTY: true })).toBe(false)
    vi.stubEnv('FORCE_COLOR', '1')
    expect(wantsColour({ isTTY: false })).toBe(true)
    vi.stubEnv('FORCE_COLOR', '0')
    expect(wantsColour({ isTTY: true })).toBe(false)
  })

  it.each([
    [0, 'explain', 'E0101'],
    [1, 'check', 'wrong.jola'],
  ])('is quiet when nobody reads on, and still exits with %i', async (wanted, command, subject) => {
    const folder = await folderWith({ 'wrong.jola': 'fn f(x: f32) -> f32 = y' })
    const path = command === 'check' ? join(folder, subject) : subject
    const args = ['--import', 'tsx', 'src/cli/main.ts', command, path]
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let err = ''
    child.stderr.on('data', chunk => {
      err += String(chunk)
    })
    const code = await new Promise(resolve => child.on('close', resolve))
    expect({ code, err }).toEqual({ code: wanted, err: '' })
  })

  const full = statSync('/dev/full', { throwIfNoEntry: false })?.isCharacterDevice() === true
  it.skipIf(!full)('says that the output can not be written where the disk is full', async () => {
    const out = openSync('/dev/full', 'w')
    const args = ['--import', 'tsx', 'src/cli/main.ts', 'explain', 'E0101']
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', out, 'pipe'] })
    let err = ''
    child.stderr?.on('data', chunk => {
      err += String(chunk)
    })
    const code = await new Promise(resolve => child.on('close', resolve))
    closeSync(out)
    expect(code).toBe(1)
    const [what, where, why, hint, ...rest] = err.split('\n')
    expect(what).toBe('error: cannot write the output')
    expect(where).toBe('  where: standard output')
    expect(why).toBe('  why:   the disk is full')
    expect(hint).toMatch(/^ {2}hint: /)
    expect(rest).toEqual([''])
  })

  it('hands its exit code to the shell', async () => {
    const args = ['--import', 'tsx', 'src/cli/main.ts', 'explain', 'E9999']
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'ignore' })
    expect(await new Promise(resolve => child.on('close', resolve))).toBe(2)
  })
})
