/**
 * Adapters that act together, as the command line writes them:
 *
 *     runs/a                    one adapter
 *     0.5 * runs/a              half as strong
 *     runs/a + 0.5 * runs/b     two, the second on what comes of the first
 *     'my runs/a + b' + runs/c  a path with blanks or signs in it, in quotes
 */
import { UserError } from '../errors/user-error.js'

/** An adapter's folder, and the strength that it acts with. */
export interface AdapterTerm {
  readonly adapter: string
  readonly strength: number
}

const refuse = (text: string, why: string): never => {
  throw new UserError({
    what: 'the adapters cannot be read',
    where: text,
    why,
    hint: "write adapters as 'runs/a + 0.5 * runs/b', with blanks around + and *",
    exitCode: 2,
  })
}

/** The words of a sum: texts without blanks, and texts in quotes. */
const wordsOf = (text: string): readonly { readonly text: string; readonly quoted: boolean }[] =>
  [...text.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) => ({
    text: single ?? double ?? plain!,
    quoted: plain === undefined,
  }))

/** Reads a sum of adapters. Throws a `UserError` where it is not one. */
export const parseAdapters = (text: string): readonly AdapterTerm[] => {
  const words = wordsOf(text)
  const terms: AdapterTerm[] = []
  let at = 0
  const is = (sign: string): boolean => words[at]?.text === sign && !words[at]!.quoted
  do {
    if (is('+')) at += 1
    let strength = 1
    if (words[at + 1]?.text === '*' && !words[at + 1]!.quoted) {
      const { text: number } = words[at]!
      strength = Number(number)
      if (number === '' || !Number.isFinite(strength)) refuse(text, `'${number}' before * is not a number`)
      at += 2
    }
    const word = words[at]
    if (word === undefined || word.text === '' || is('+') || is('*'))
      return refuse(text, terms.length === 0 ? 'no adapter is named' : 'an adapter is missing after +')
    terms.push({ adapter: word.text, strength })
    at += 1
  } while (is('+'))
  if (at < words.length) refuse(text, `'${words[at]!.text}' stands where + or the end is expected`)
  return terms
}
