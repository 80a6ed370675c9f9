import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { jola } from './support.js'

describe('jola completion', () => {
  it('completes commands, options and choices in bash', async () => {
    const { code, out } = await jola('completion', 'bash')
    expect(code).toBe(0)
    const complete = (...words: readonly string[]): readonly string[] => {
      const line = `COMP_WORDS=(jola "$@"); COMP_CWORD=$#; _jola; printf '%s\\n' "\${COMPREPLY[@]}"`
      const script = `${out}\n${line}`
      return execFileSync('bash', ['-c', script, 'jola', ...words], { encoding: 'utf8' })
        .trim()
        .split('\n')
    }
    expect(complete('ch')).toEqual(['check'])
    expect(complete('check', '--js')).toEqual(['--json'])
    expect(complete('test', '--device', 'int')).toEqual(['interpreter'])
    expect(complete('check', 'READ')).toEqual(['README.md'])
  })

  it('is written for zsh and fish, and for no other shell', async () => {
    expect((await jola('completion', 'zsh')).out).toContain('bashcompinit')
    expect((await jola('completion', 'fish')).out).toContain("-l device -x -a 'both gpu interpreter'")
    expect((await jola('completion', 'csh')).code).toBe(2)
  })
})
