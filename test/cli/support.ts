import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, vi } from 'vitest'
import { runCli } from '../../src/cli/cli.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import type { TensorData } from '../../src/safetensors/encode.js'
import { temporaryDirectory } from '../support/temporary.js'

/** Runs a command line in this process: its exit code, and what it wrote. */
export const jola = async (
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> => {
  let [out, err] = ['', '']
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    out += String(text)
    return true
  })
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(text => {
    err += String(text)
    return true
  })
  try {
    return { code: await runCli(args), out, err }
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
}

/** What a command writes as JSON, parsed. */
export const jolaJson = async (...args: readonly string[]) => {
  const { code, out, err } = await jola(...args)
  return { code, err, json: JSON.parse(out) as unknown }
}

/** A folder with these files for all tests of a file, removed after them. */
export const sharedFolder = async (files: Readonly<Record<string, string>>): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'jola-test-'))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  return folder
}

/** A new folder with these files, removed when the test is over. */
export const folderWith = async (files: Readonly<Record<string, string | Uint8Array>>): Promise<string> => {
  const folder = await temporaryDirectory()
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  return folder
}

/** A safetensors file with these tensors. */
export const tensorsFile = async (tensors: Readonly<Record<string, TensorData>>): Promise<string> => {
  const path = join(await temporaryDirectory(), 'x.safetensors')
  await writeSafetensors(path, new Map(Object.entries(tensors)))
  return path
}

export const f32 = (shape: readonly number[], ...data: readonly number[]): TensorData => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from(data),
})

export const i32 = (shape: readonly number[], ...data: readonly number[]): TensorData => ({
  dtype: 'I32',
  shape,
  data: Int32Array.from(data),
})

export const programText = `
size N
size M

record P { w: f32[N, M], b: f32[M] }

/// A small regression; k chooses one output more.
fn loss(p: P, x: f32[N], y: f32[M], k: idx[M]) -> f32 =
  let z = for m -> (sum n -> p.w[n, m] * x[n]) + p.b[m]
  (sum m -> (z[m] - y[m]) * (z[m] - y[m])) + z[k]

fn outer(x: f32[N]) -> f32[N, N] = for i, j -> x[i] * x[j]
fn signs(x: f32[N]) -> (bool[N], i32, f32) = (for i -> x[i] > 0, argmax i -> x[i], sum i -> x[i])
fn pick(x: f32[N], at: idx[N][M]) -> f32[M] = for m -> x[at[m]]
fn noise(k: key, scale: f32 = 2.0) -> f32[4] = for i: 4 -> scale * uniform(k, i)
fn apply(f: (f32) -> f32, x: f32) -> f32 = f(x)
fn bent(x: f32[N]) -> f32 = sum i -> if x[i] > 0 then x[i] else 0
`
