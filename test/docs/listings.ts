import { runCli } from '../../src/cli/cli.js'

/** A command of a page and the listing below it: a `sh` block of one line, then a block with its output. */
export interface Listing {
  /** After the word `jola`. */
  readonly args: readonly string[]
  readonly command: string
  readonly text: string
  /** Where the text stands: its first line, and the line of the closing fence, counted from 0. */
  readonly from: number
  readonly to: number
}

const opening = '```sh'
const fence = '```'

/**
 * The listings of a page, in order. A `sh` block with a `jola explain` command must be followed by a block
 * with its output; throws where it is not.
 */
export const listingsIn = (page: string): readonly Listing[] => {
  const lines = page.split('\n')
  return lines.flatMap((line, i): readonly Listing[] => {
    const command = lines[i + 1] ?? ''
    if (line !== opening || !command.startsWith('jola explain ')) return []
    const from = lines.findIndex((l, at) => at > i + 2 && l.startsWith(fence)) + 1
    const to = lines.indexOf(fence, from)
    const between = lines.slice(i + 3, from - 1)
    if (lines[i + 2] !== fence || from === 0 || to < 0 || between.some(l => l !== ''))
      throw new Error(`line ${i + 1}: no listing follows \`${command}\``)
    const args = command.split(/\s+/).slice(1)
    return [{ args, command, text: lines.slice(from, to).join('\n'), from, to }]
  })
}

/** A page whose listings are what `printed` gives for each, in order. */
export const withListings = (page: string, printed: readonly string[]): string => {
  const lines = page.split('\n')
  const listings = listingsIn(page)
  for (let i = listings.length - 1; i >= 0; i--) {
    const { from, to } = listings[i]!
    lines.splice(from, to - from, ...printed[i]!.split('\n'))
  }
  return lines.join('\n')
}

/**
 * What a command line prints to standard output, run in this process. Throws what it says to standard error
 * where it does not exit with 0.
 */
export const printedBy = async (args: readonly string[]): Promise<string> => {
  const { stdout, stderr } = process
  const written = { stdout: '', stderr: '' }
  const real = { stdout: stdout.write, stderr: stderr.write }
  const into = (stream: keyof typeof written) => (text: string | Uint8Array) => {
    written[stream] += String(text)
    return true
  }
  stdout.write = into('stdout')
  stderr.write = into('stderr')
  try {
    const code = await runCli(args)
    if (code !== 0) throw new Error(`jola ${args.join(' ')} exits with ${code}: ${written.stderr}`)
  } finally {
    stdout.write = real.stdout
    stderr.write = real.stderr
  }
  return written.stdout.trimEnd()
}
