import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { JsonObject } from '../../json/json-values.js'

/** How a peer is started. Several commands are tried in turn, until one answers. */
export interface PeerProgram {
  /** Its name until it has told its version. */
  readonly name: string
  readonly commands: readonly (readonly [command: string, ...args: string[]])[]
  readonly env?: Readonly<Record<string, string>>
  /** Advice if it is missing. */
  readonly install: string
  /**
   * Milliseconds that an answer may take; if absent three minutes, longer than compiling any of the peers'
   * steps takes.
   */
  readonly patience?: number
}

/** The peer has ended, or has answered that it can't do the work. */
export class PeerFailure extends Error {}

const usualPatience = 180_000

/** Numbers that JSON cannot express, such as Python's NaN, count as a failure of the peer. */
const parsed = (line: string): JsonObject => {
  try {
    return JSON.parse(line) as JsonObject
  } catch {
    throw new PeerFailure(`its answer is no JSON: ${line.slice(0, 60)}`)
  }
}

/**
 * A peer in a process of its own, which lives as long as the comparison: requests and answers are lines of
 * JSON, on its standard input and its file descriptor 3. Between requests it waits for input.
 */
export class PeerProcess {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #patience: number
  #said = ''

  private constructor(program: PeerProgram, [command, ...args]: readonly string[]) {
    this.#patience = program.patience ?? usualPatience
    this.#child = spawn(command!, args, {
      env: { ...process.env, ...program.env },
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    })
    this.#child.on('error', error => {
      this.#said = error.message
    })
    this.#child.stdin!.on('error', () => undefined) // told by the end of its answers
    this.#child.stderr!.on('data', (text: Buffer) => {
      this.#said = `${this.#said}${text}`.slice(-2000)
    })
    const answers = this.#child.stdio[3] as Readable
    this.#lines = createInterface({ input: answers })[Symbol.asyncIterator]()
  }

  /**
   * Starts a peer: the process, its name with its version, and the kinds of work it can do. Rejects with a
   * {@link PeerFailure}.
   */
  static async open(program: PeerProgram) {
    let failure = new PeerFailure(`${program.name} has no command`)
    for (const command of program.commands) {
      const peer = new PeerProcess(program, command)
      try {
        const { name, works } = await peer.ask({ verb: 'open' })
        return { process: peer, name: String(name), works: works as readonly string[] }
      } catch (error) {
        peer.close()
        if (!(error instanceof PeerFailure)) throw error
        failure = error
      }
    }
    throw failure
  }

  /**
   * Sends a request and returns the answer. Rejects with a {@link PeerFailure} that quotes the peer. A peer
   * that does not answer in time is ended.
   */
  async ask(request: JsonObject): Promise<JsonObject> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.close()
        reject(new PeerFailure(`it did not answer within ${this.#patience / 1000} s`))
      }, this.#patience)
    })
    const line = await Promise.race([this.#lines.next(), late]).finally(() => clearTimeout(timer))
    if (line.done) throw new PeerFailure(this.#lastWords())
    const answer = parsed(line.value)
    if (typeof answer.error === 'string') throw new PeerFailure(answer.error.split('\n')[0]!)
    return answer
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }

  #lastWords(): string {
    const lines = this.#said.split('\n').filter(line => line.trim() !== '')
    return lines.findLast(line => /error/i.test(line))?.trim() ?? lines.at(-1)?.trim() ?? 'it ended'
  }
}
