import { join } from 'node:path'
import { expect, it } from 'vitest'
import { deviceEngine } from '../../src/engine/engine.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { familyProgram } from '../../src/folders/model-program.js'
import { openModel } from '../../src/folders/open-model.js'
import { bindModel, modelFacts } from '../../src/model/model.js'
import { sizesOf } from '../../src/model/sizes.js'
import { packingOf, uploadWeights } from '../../src/model/weights.js'
import { argmax } from '../../src/predict/logits.js'
import { SequenceModel } from '../../src/predict/sequence-model.js'
import { withDevice } from '../support/device.js'
import { type FamilyFixture, familyFixture, familyLogits, writeFamily } from '../support/families.js'
import { temporaryDirectory } from '../support/temporary.js'

const written = async (fixture: FamilyFixture): Promise<string> => {
  const directory = join(await temporaryDirectory(), fixture.name)
  await writeFamily(fixture, directory)
  return directory
}

const worst = (a: ArrayLike<number>, b: Float32Array): number =>
  Math.max(...Array.from(b, (y, i) => (Number.isNaN(a[i]!) ? Number.POSITIVE_INFINITY : Math.abs(a[i]! - y))))

withDevice('the same on a device', device => {
  it.each([
    'llama-biases',
    'mistral-window',
    'smollm3-window',
    'llama-yarn-all',
    'gpt2-by-layer',
    'gpt-neox',
    'phi3-partial',
    'olmo2',
    'gemma2-capped',
    'gemma3-listed',
  ])('%s gives the same logits', async name => {
    const fixture = familyFixture(name)
    const logits = await familyLogits(deviceEngine(device), await written(fixture))
    expect(worst(logits, fixture.logits)).toBeLessThan(1e-4)
  })

  it.each(['smollm3-window', 'gpt2-by-layer', 'gpt-neox', 'phi3-window', 'olmo2', 'gemma3-listed'])(
    '%s goes on token by token as by its whole text',
    async name => {
      const fixture = familyFixture(name)
      const directory = await written(fixture)
      const { program, modules } = loadProgram(['std.model'], {
        model: familyProgram(fixture.config, directory),
      })
      const fn = program.fns.get(`${modules[0]}.logits`)!
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
