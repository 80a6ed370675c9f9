import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** The project's root. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** A file of the project: its path from the root, and its text. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** The files under some folders of the root, by path. */
export const filesUnder = (...folders: readonly string[]): readonly SourceFile[] =>
  folders
    .flatMap(folder => readdirSync(join(root, folder), { withFileTypes: true, recursive: true }))
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .filter(path => !path.includes('node_modules'))
    .map(path => ({
      path: relative(root, path).replaceAll('\\', '/'),
      text: readFileSync(path, 'utf8'),
    }))

/** The TypeScript files under some folders of the root. */
export const modulesUnder = (...folders: readonly string[]): readonly SourceFile[] =>
  filesUnder(...folders).filter(file => file.path.endsWith('.ts'))

const parse = ({ path, text }: SourceFile): ts.SourceFile =>
  ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)

const visit = (node: ts.Node, see: (node: ts.Node) => void): void => {
  see(node)
  node.forEachChild(child => visit(child, see))
}

/**
 * What a file imports, statically or dynamically, types included, and what it exports again: files of the
 * project by their path from the root, packages as they are written.
 */
export const importsOf = (file: SourceFile): readonly string[] => {
  const found = new Set<string>()
  visit(parse(file), node => {
    const name =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
            ? node.argument.literal
            : undefined
    if (name === undefined || !ts.isStringLiteral(name)) return
    const { text } = name
    found.add(
      text.startsWith('.') ? posix.join(posix.dirname(file.path), text).replace(/\.js$/, '.ts') : text,
    )
  })
  return [...found]
}

/**
 * The names that a file declares and exports. A name that it only passes on from another file does not count.
 */
export const exportedNames = (file: SourceFile): readonly string[] => {
  const names = parse(file).statements.flatMap((statement): readonly string[] => {
    const exported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(m => m.kind === ts.SyntaxKind.ExportKeyword)
    if (!exported) return []
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.map(d => d.name.getText())
    return 'name' in statement && statement.name !== undefined ? [(statement.name as ts.Node).getText()] : []
  })
  return [...new Set(names)]
}

/** A function with many parameters. */
export interface WideFunction {
  readonly path: string
  readonly line: number
  readonly parameters: number
}

/** The functions that take at least so many parameters. */
export const wideFunctions = (file: SourceFile, atLeast: number): readonly WideFunction[] => {
  const parsed = parse(file)
  const found: WideFunction[] = []
  visit(parsed, node => {
    if (!ts.isFunctionLike(node) || node.parameters.length < atLeast) return
    const { line } = parsed.getLineAndCharacterOfPosition(node.getStart())
    found.push({ path: file.path, line: line + 1, parameters: node.parameters.length })
  })
  return found
}
