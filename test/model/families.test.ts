import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { familyModules } from '../../src/folders/model-program.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import {
  type FamilyFixture,
  familyFixture,
  familyLogits,
  familyNames,
  writeFamily,
} from '../support/families.js'
import { temporaryDirectory } from '../support/temporary.js'
import { userError } from '../support/user-error.js'

const written = async (fixture: FamilyFixture): Promise<string> => {
  const directory = join(await temporaryDirectory(), fixture.name)
  await writeFamily(fixture, directory)
  return directory
}

const worst = (a: ArrayLike<number>, b: Float32Array): number =>
  Math.max(...Array.from(b, (y, i) => (Number.isNaN(a[i]!) ? Number.POSITIVE_INFINITY : Math.abs(a[i]! - y))))

const known = familyNames.filter(n => !n.startsWith('refused-'))

describe('the logits of tiny checkpoints', () => {
  it.each(known)('%s are those of transformers', async name => {
    const fixture = familyFixture(name)
    const logits = await familyLogits(interpreterEngine, await written(fixture))
    expect(logits.length).toBe(fixture.logits.length)
    expect(worst(logits, fixture.logits)).toBeLessThan(1e-4)
  })

  it.each(familyNames.filter(n => n.startsWith('refused-')))('%s has none', async name => {
    const fixture = familyFixture(name)
    const error = await userError(familyLogits(interpreterEngine, await written(fixture)))
    const { model_type: family } = fixture.config
    if (familyModules().has(`${family}`)) {
      expect(error.where).toContain('config.json, "')
      expect(error.hint).toContain('--allow ')
      return
    }
    expect(error.what).toContain(`models of the family '${family}'`)
    expect(error.where).toContain('"model_type"')
    expect(error.why).toContain('the families known are')
    expect(error.why).toContain('gemma2')
    expect(error.hint).toContain('jola new --from')
  })
})
