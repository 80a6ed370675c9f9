/** The largest of some errors. */
export const worst = (errors: Readonly<Record<string, number>>): number => Math.max(...Object.values(errors))

/** Rows of the table in docs/methods.md, which `ERRORS=1` asks to be printed. */
const rows = new Map<string, readonly string[]>()

/** Keeps the error of a method's loss, which is named `value`, and the largest of its gradients. */
export const noteErrors = (method: string, errors: Readonly<Record<string, number>>): void => {
  const { value, ...gradients } = errors
  const shown = [value!, worst(gradients)].map(x => x.toExponential(1))
  rows.set(method, [...(rows.get(method) ?? []), ...shown])
}

export const printErrors = (): void => {
  if (process.env.ERRORS === undefined) return
  for (const [method, cells] of rows) process.stdout.write(`| ${method} | ${cells.join(' | ')} |\n`)
}
