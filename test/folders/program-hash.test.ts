import { join } from 'node:path'
import { expect, it } from 'vitest'
import { loadProgram } from '../../src/folders/load-program.js'
import { folderWith } from '../cli/support.js'

const hashOf = async (text: string): Promise<string> =>
  loadProgram([join(await folderWith({ 'p.jola': text }), 'p.jola')]).hash

it(
  'the hash of a program changes with what is computed, not with comments, indentation ' + 'and blank lines',
  async () => {
    const hash = await hashOf('size N\nfn f(x: f32[N]) -> f32 =\n  let y = 2.0\n  sum i -> y * x[i]\n')
    const other = [
      '/// A module.\n\nsize N /// how many\n\n// aside\nfn f(x: f32[N]) -> f32 =\n    let ' +
        'y =  2.0\n\n    // two\n    sum i -> y * x[i]\n',
      'size N\r\nfn f(x: f32[N]) -> f32 =\r\n  let y = 2.0\r\n  sum i -> y * x[i]',
    ]
    for (const text of other) expect(await hashOf(text)).toBe(hash)
    expect(await hashOf('size N\nfn f(x: f32[N]) -> f32 =\n  let y = 2.5\n  sum i -> y * x[i]\n')).not.toBe(
      hash,
    )
  },
)
