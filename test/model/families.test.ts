import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { deviceEngine } from '../../src/engine/engine.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { openModel } from '../../src/folders/open-model.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { bindModel, modelFacts } from '../../src/model/model.js'
import { sizesOf } from '../../src/model/sizes.js'
import { packingOf, uploadWeights } from '../../src/model/weights.js'
import { argmax } from '../../src/predict/logits.js'
import { SequenceModel } from '../../src/predict/sequence-model.js'
import { withDevice } from '../support/device.js'
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
    const { why, where, hint } = await userError(familyLogits(interpreterEngine, await written(fixture)))
    const unknown = fixture.config.model_type !== 'llama'
    expect(where).toContain(unknown ? '"model_type"' : 'config.json, "')
    if (unknown)
      expect(why).toContain(`it is "${fixture.config.model_type}", and std.models.llama.family knows`)
    expect(hint).toContain('--allow ')
  })
})

withDevice('the same on a device', device => {
  it.each([
    'llama-biases',
    'mistral-window',
    'qwen2-listed',
    'qwen3-biases',
    'smollm3-window',
    'granite',
    'llama-yarn-all',
  ])('%s gives the same logits', async name => {
    const fixture = familyFixture(name)
    const logits = await familyLogits(deviceEngine(device), await written(fixture))
    expect(worst(logits, fixture.logits)).toBeLessThan(1e-4)
  })

  it.each(['mistral-window', 'smollm3-window'])(
    '%s goes on token by token as by its whole text',
    async name => {
      const directory = await written(familyFixture(name))
      const { program } = loadProgram(['std.models.llama'])
      const fn = program.fns.get('std.models.llama.logits')!
      const params = fn.params.filter(p => p.type.kind === 'record')
      const model = await openModel(directory, { weights: true, tokenizer: false })
      const facts = modelFacts(program, [params[0]!.type], model)
      const wanted = fn.sizes.filter(s => s !== 'T')
      const sizes = sizesOf(wanted, facts.equations)
      const bound = bindModel(params, sizes, model, facts)
      const sequence = new SequenceModel({
        device,
        program,
        predictor: { kind: 'fn', fn },
        bindings: { sizes, constants: facts.constants, absent: bound.absent },
        packing: packingOf(bound, model),
        bring: names => uploadWeights(device, model, bound, new Set(names)),
        context: 40,
        vocabulary: 41,
      })
      const start = [3, 14, 15, 9, 2, 6, 5, 35, 8, 9]
      const [continued] = await sequence.greedy([start], 12, { stops: [] })
      const anew = [...start]
      for (let i = 0; i < 12; i++) anew.push(argmax((await sequence.next([anew]))[0]!))
      expect(continued).toEqual(anew.slice(start.length))
      await sequence.close()
      await model.checkpoint!.close()
    },
  )
})
