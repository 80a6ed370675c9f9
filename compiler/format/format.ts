/**
 * One layout for every program: `format` writes a source again in lines of at most 100 columns.
 *
 * The tokens stay what they are; only what stands between them changes. So numbers, parentheses and comments
 * are kept as they were written, and the syntax tree says where lines may break. Comments stay between the
 * tokens between which they stood.
 *
 *     fn f(x:f32)->f32=x+1 // one more   ⟶   fn f(x: f32) -> f32 = x + 1  // one more
 */
import * as E from 'fp-ts/lib/Either.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Source } from '../diagnostics/source.js'
import { parse } from '../syntax/parse.js'
import { treeAsData } from '../syntax/print-tree.js'
import { moduleDoc } from './format-item.js'
import { formatWidth, layOut } from './layout.js'
import { readWritten } from './written.js'

/**
 * The text of a source in the one layout, or its syntax errors. The result has the same syntax tree and the
 * same comments; an `Error` is thrown if it had not, which would be a defect.
 */
export const format = (source: Source): E.Either<readonly Diagnostic[], string> => {
  const parsed = parse(source)
  if (E.isLeft(parsed)) return parsed
  const written = readWritten(source)
  const text = layOut(moduleDoc(written, parsed.right), formatWidth)
  const again = { name: source.name, text }
  const tree = parse(again)
  const same =
    E.isRight(tree) &&
    JSON.stringify(treeAsData(tree.right)) === JSON.stringify(treeAsData(parsed.right)) &&
    commentsIn(again) === commentsIn(source)
  if (!same) throw new Error(`the layout of ${source.name} would change what it means`)
  return E.right(text)
}

const commentsIn = (source: Source): string =>
  readWritten(source)
    .comments.flatMap(list => list.map(c => c.text))
    .join('\n')
