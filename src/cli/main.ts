#!/usr/bin/env node
import { renderUserError, UserError } from '../errors/user-error.js'
import { fileError, systemCode } from '../files/file-error.js'
import { runCli } from './cli.js'
import { remark } from './shared.js'

// `jola … | head` closes the pipe early: nobody reads on, and the exit code still says what was found.
process.stdout.on('error', error => {
  // A terminal that was closed says EIO.
  if (systemCode(error) === 'EPIPE' || systemCode(error) === 'EIO') return
  const { why } = fileError('write', 'standard output', error)
  const parts = { what: 'cannot write the output', where: 'standard output', ...(why && { why }) }
  remark(renderUserError(new UserError({ ...parts, hint: 'free some space, or send it elsewhere' })))
  process.exit(1)
})
// Remarks that nobody can be told of are no reason to stop.
process.stderr.on('error', () => undefined)

process.exitCode = await runCli(process.argv.slice(2))
