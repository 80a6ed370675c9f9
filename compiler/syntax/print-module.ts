import type {
  ConfigExpr,
  FieldDecl,
  FnItem,
  ImportDecl,
  Item,
  Module,
  Name,
  RecipeItem,
  SettingDecl,
  TensorSource,
  TestItem,
} from './ast.js'
import { encodeString } from './lexical.js'
import {
  lineWidth,
  printOperand,
  printParam,
  printPattern,
  printSourceExpr,
  printTypeExpr,
} from './print-expr.js'

export { printSourceExpr, printTypeExpr } from './print-expr.js'

/**
 * The source text of a module: parsing it gives the module back, spans apart. Ordinary comments are not part
 * of the tree and are lost.
 */
export const printModule = (module: Module): string => {
  const doc = module.doc === undefined ? [] : [docLines(module.doc, '').trimEnd()]
  const imports = module.imports.length === 0 ? [] : [module.imports.map(printImport).join('\n')]
  const groups: string[] = []
  module.items.forEach((item, at) => {
    const before = module.items[at - 1]
    const together = before && item.kind === before.kind && ['size', 'type', 'const'].includes(item.kind)
    if (together) groups[groups.length - 1] += `\n${printItem(item)}`
    else groups.push(printItem(item))
  })
  return `${[...doc, ...imports, ...groups].join('\n\n')}\n`
}

/**
 * What a module declares, with its doc comments: functions and methods without their bodies, and neither
 * imports nor tests.
 */
export const printDeclarations = (module: Module): string => {
  const doc = module.doc === undefined ? [] : [docLines(module.doc, '').trimEnd()]
  const items = module.items.flatMap(item => {
    if (item.kind === 'test') return []
    if (item.kind === 'fn') return [`${docLines(item.doc, '')}${printHead(item, '', '')}`]
    return [item.kind === 'recipe' ? printRecipe(item, printMethodHead) : printItem(item)]
  })
  return `${[...doc, ...items].join('\n\n')}\n`
}

const printMethodHead = (item: FnItem): string => `${docLines(item.doc, '  ')}${printHead(item, '  ', '')}`

const docLines = (doc: string | undefined, indent: string): string =>
  doc === undefined
    ? ''
    : doc
        .split('\n')
        .map(line => `${indent}${line === '' ? '///' : `/// ${line}`}\n`)
        .join('')

/** A declaration of one line with its doc comment: behind it if both are short, else above. */
const documented = (text: string, doc: string | undefined, indent: string): string => {
  const short = doc !== undefined && doc !== '' && !/\n/.test(doc + text)
  if (short && indent.length + text.length + doc.length + 6 <= lineWidth)
    return `${indent}${text}  /// ${doc}`
  return `${docLines(doc, indent)}${indent}${text}`
}

const printImport = (item: ImportDecl): string => {
  const path = item.segments.map(s => s.text).join('.')
  const alias = item.alias ? ` as ${item.alias.text}` : ''
  return `import ${path}${alias}${item.names ? ` (${item.names.map(n => n.text).join(', ')})` : ''}`
}

const printItem = (item: Item): string => {
  switch (item.kind) {
    case 'size': {
      const definition = item.definition ? ` = ${printSourceExpr(item.definition)}` : ''
      const from = item.from ? ` from ${printConfig(item.from)}` : ''
      return documented(`size ${item.names.map(n => n.text).join(', ')}${definition}${from}`, item.doc, '')
    }
    case 'type':
      return documented(`type ${item.name.text}`, item.doc, '')
    case 'const': {
      const type = item.type ? `: ${printTypeExpr(item.type)}` : printChoices(item.choices)
      const from = item.from ? ` from ${printConfig(item.from)}${printCondition(item.when)}` : ''
      return documented(
        `const ${item.name.text}${type} = ${printSourceExpr(item.value, 2)}${from}`,
        item.doc,
        '',
      )
    }
    case 'record':
      return `${docLines(item.doc, '')}record ${item.name.text} ${printFields(item.fields, '')}`
    case 'fn':
      return printFunction(item, '')
    case 'recipe':
      return printRecipe(item)
    case 'test':
      return printTest(item)
  }
}

const printFields = (fields: readonly FieldDecl[], indent: string): string => {
  if (fields.length === 0) return '{}'
  const lines = fields.map(f => {
    const value = f.default ? ` = ${printSourceExpr(f.default, indent.length + 4)}` : ''
    const from = f.from ? ` from ${printSource(f.from)}` : ''
    return documented(`${f.name.text}: ${printTypeExpr(f.type)}${value}${from}`, f.doc, `${indent}  `)
  })
  return `{\n${lines.join('\n')}\n${indent}}`
}

const printSource = ({ names, shape, fill }: TensorSource): string => {
  const stored = shape === undefined ? '' : ` as [${shape.map(e => printSourceExpr(e)).join(', ')}]`
  const named = names.map(n => `${encodeString(n.text)}${printCondition(n.when)}`)
  return `${named.join(' else ')}${stored}${fill === undefined ? '' : ` else ${fill}`}`
}

const printCondition = (when: Name | undefined): string => (when === undefined ? '' : ` if ${when.text}`)

const configBinding = { else: 0, is: 1, bound: 1, or: 2, '+': 3, '-': 3, '*': 4, '/': 4 } as const

const printConfig = (config: ConfigExpr, least = 0): string => {
  if (config.kind === 'entry') return encodeString(config.path)
  if (config.kind === 'number') return String(config.value)
  if (config.kind === 'refuse') return 'refuse'
  if (config.kind === 'floor') return `floor(${printConfig(config.left)})`
  const own = configBinding[config.kind === 'binary' ? config.op : config.kind]
  const test = config.kind === 'is' || config.kind === 'bound'
  const text = `${printConfig(config.left, test ? own + 1 : own)} ${printRest(config, own)}`
  return own < least ? `(${text})` : text
}

/** The text after the left side of a joined entry. */
const printRest = (
  config: Exclude<Extract<ConfigExpr, { readonly left: ConfigExpr }>, { kind: 'floor' }>,
  own: number,
): string => {
  if (config.kind === 'bound') return `${config.op} ${config.least}`
  if (config.kind !== 'is')
    return `${config.kind === 'binary' ? config.op : config.kind} ${printConfig(config.right, own + 1)}`
  const words = [
    config.text === null ? 'null' : encodeString(config.text),
    ...config.not.map(n => `not ${encodeString(n)}`),
  ]
  return `is ${words.join(' ')}`
}

/** A function up to its body, with the ending behind it. */
const printHead = (item: FnItem, indent: string, ending: string): string => {
  const word = indent === '' ? 'fn ' : ''
  const params = item.params.map(printParam)
  const result = item.result ? ` -> ${printTypeExpr(item.result)}` : ''
  const inline = `${indent}${word}${item.name.text}(${params.join(', ')})${result}${ending}`
  if (inline.length <= lineWidth || params.length === 0) return inline
  const lines = params.map(p => `${indent}  ${p},\n`).join('')
  return `${indent}${word}${item.name.text}(\n${lines}${indent})${result}${ending}`
}

const printFunction = (item: FnItem, indent: string): string => {
  const head = printHead(item, indent, ' =')
  const body = printSourceExpr(item.body, indent.length + 2)
  const sameLine = !body.includes('\n') && !head.includes('\n') && head.length + body.length < lineWidth
  return `${docLines(item.doc, indent)}${head}${sameLine ? ` ${body}` : `\n${indent}  ${body}`}`
}

const printSetting = (setting: SettingDecl): string => {
  const choices = setting.size ? ': size' : printChoices(setting.choices)
  return documented(
    `setting ${setting.name.text}${choices} = ${printSourceExpr(setting.value, 4)}`,
    setting.doc,
    '  ',
  )
}

const printChoices = (choices: readonly Name[] | undefined): string =>
  choices === undefined ? '' : `: ${choices.map(c => c.text).join(' | ')}`

const printRecipe = (item: RecipeItem, method = (m: FnItem) => printFunction(m, '  ')): string => {
  const params = item.params.length === 0 ? '' : `(${item.params.map(printParam).join(', ')})`
  const parts = [
    ...(item.settings.length > 0 ? [item.settings.map(printSetting).join('\n')] : []),
    ...(item.state.length > 0 ? [`  state ${printFields(item.state, '  ')}`] : []),
    ...item.methods.map(method),
  ]
  const body = parts.length === 0 ? '{}' : `{\n${parts.join('\n\n')}\n}`
  return `${docLines(item.doc, '')}recipe ${item.name.text}${params} ${body}`
}

const printTest = (item: TestItem): string => {
  const lines = item.statements.map(statement => {
    if (statement.kind === 'let') {
      const type = statement.type ? `: ${printTypeExpr(statement.type)}` : ''
      return `  let ${printPattern(statement.pattern)}${type} = ${printSourceExpr(statement.value, 4)}`
    }
    const { actual, expected, within } = statement
    const tolerance = within ? ` within ${printSourceExpr(within, 4)}` : ''
    if (expected)
      return `  expect ${printOperand(actual, 4, false)} == ${printOperand(expected, 4, true)}${tolerance}`
    const bare = printSourceExpr(actual, 4)
    // An `==` outside parentheses would divide the actual value from the expected one.
    const splits = actual.kind === 'binary' && actual.op === '=='
    return `  expect ${splits ? `(${bare})` : bare}${tolerance}`
  })
  return `test ${encodeString(item.title)} {${lines.map(l => `\n${l}`).join('')}\n}`
}
