#!/usr/bin/env node
import { systemCode } from '../errors.js'
import { runCli } from './cli.js'

// `jola … | head` closes the pipe early: nobody reads on, and nothing is wrong.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', error => {
    if (systemCode(error) === 'EPIPE') process.exit(0)
    throw error
  })

process.exitCode = await runCli(process.argv.slice(2))
