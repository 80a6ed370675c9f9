#!/usr/bin/env node
import { renderUserError, UserError } from '../errors/user-error.js'
import { fileError, systemCode } from '../files/file-error.js'
import { runCli } from './cli.js'
import { remark } from './shared.js'

// `jola … | head` closes the pipe early. The output has no reader then, but the exit code still reports the
// result.
process.stdout.on('error', error => {
  // A closed terminal gives EIO.
  if (systemCode(error) === 'EPIPE' || systemCode(error) === 'EIO') return
  const { why } = fileError('write', 'standard output', error)
  const parts = { what: 'cannot write the output', where: 'standard output', ...(why && { why }) }
  remark(renderUserError(new UserError({ ...parts, hint: 'free some space, or send it elsewhere' })))
  process.exit(1)
})
// The command continues even if its remarks can't be written.
process.stderr.on('error', () => undefined)

process.exitCode = await runCli(process.argv.slice(2))
