import { UserError } from '../errors/user-error.js'
import { modelIdentityOf } from '../folders/model-identity.js'
import { openModel } from '../folders/open-model.js'
import { identityDiffers } from '../model/identity.js'
import type { CompareFolder } from './compare-folder.js'

/**
 * Notes the identity of a comparison's model when its first cell is computed, and compares it before all
 * others. Throws a `UserError` if the model has changed, since the cells would not be comparable.
 */
export const requireSameModel = async (folder: CompareFolder, directory: string): Promise<void> => {
  const model = await openModel(directory, { weights: true, tokenizer: false })
  try {
    const numbers = Object.entries(model.config).flatMap(([name, value]) =>
      typeof value === 'number' || typeof value === 'boolean' ? [[name, value] as const] : [],
    )
    const now = await modelIdentityOf(model, new Map(numbers))
    const begun = await folder.model()
    if (begun === undefined) return await folder.writeModel(now)
    const differences = identityDiffers(begun, now)
    if (differences.length === 0) return
    throw new UserError({
      what: 'the model is not the one that the comparison began with',
      where: directory,
      why: differences.join('; '),
      hint: 'put the old model back, or begin a comparison in another --out',
    })
  } finally {
    await model.checkpoint?.close()
  }
}
