import { expect, it, onTestFinished } from 'vitest'
import { withDevice } from '../support/device.js'
import { printedBy, programsOn, projectOf, typeErrors } from './programs.js'

const programs = programsOn('embedding.md')
const minute = 60_000

withDevice('the programs of embedding.md', () => {
  it(
    'have the types that they count on, and print what the page says',
    async () => {
      expect(programs.length).toBeGreaterThan(4)
      const { folder, remove } = await projectOf(programs)
      onTestFinished(remove)
      expect(typeErrors(folder, programs)).toEqual([])
      const { printed, failed } = await printedBy(folder, programs)
      expect(failed).toBe('')
      expect(printed).toEqual(programs.map(p => p.prints))
    },
    5 * minute,
  )
})
