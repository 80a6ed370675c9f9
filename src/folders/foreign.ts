import { readdir } from 'node:fs/promises'
import { basename } from 'node:path'

/**
 * A format of model files that is not read, and the command that converts it. `DIR` stands for the file's
 * folder.
 */
interface Format {
  readonly test: RegExp
  readonly is: string
  readonly convert: string
}

const byTransformers = (load: string): string =>
  'python -c "from transformers import AutoModelForCausalLM as M; ' +
  `M.from_pretrained(${load}).save_pretrained('OUT')"`

const formats: readonly Format[] = [
  {
    test: /\.gguf$/i,
    is: 'a GGUF file, which is a whole model by itself',
    convert: 'name it as the model: DIR/FILE',
  },
  {
    test: /^adapter_(model\.(safetensors|bin)|config\.json)$/,
    is: 'an adapter of PEFT, without the model that it belongs to',
    convert:
      'python -c "from peft import AutoPeftModelForCausalLM as M; ' +
      "M.from_pretrained('DIR').merge_and_unload().save_pretrained('OUT')\"",
  },
  {
    test: /^pytorch_model.*\.bin(\.index\.json)?$/,
    is: "PyTorch's own format, which is executed when it is read",
    convert: byTransformers("'DIR'"),
  },
  {
    test: /\.(pth|pt|ckpt)$/i,
    is: "PyTorch's own format, which is executed when it is read",
    convert: "the model's own conversion script for transformers, and then save_pretrained",
  },
  {
    test: /^(tf_model\.h5|flax_model\.msgpack)$/,
    is: 'a format of TensorFlow or Flax',
    convert: byTransformers("'DIR', from_tf=True"),
  },
  { test: /\.(onnx|mlmodel|npz)$/i, is: 'a format for running a model elsewhere', convert: '' },
  {
    test: /\.safetensors$/,
    is: 'safetensors under another name',
    convert: 'rename it to model.safetensors; of several, fetch model.safetensors.index.json too',
  },
]

const tokenizerFormats: readonly Format[] = [
  {
    test: /^(tokenizer\.model|spiece\.model|vocab\.json|merges\.txt|vocab\.txt|tekken\.json)$/,
    is: 'an older form of a tokenizer',
    convert:
      'python -c "from transformers import AutoTokenizer as T; ' +
      "T.from_pretrained('DIR').save_pretrained('DIR')\"",
  },
]

const describe = (files: readonly string[], known: readonly Format[], directory: string) => {
  for (const { test, is, convert } of known) {
    const found = files.filter(f => test.test(f))
    if (found.length === 0) continue
    const how = convert.replaceAll('DIR', directory).replaceAll('FILE', found[0]!)
    const names = `${found.slice(0, 3).join(', ')}${found.length > 3 ? `, … (${found.length})` : ''}`
    return {
      why: `${names} is there: ${is}`,
      hint:
        how === '' ? 'fetch the model as safetensors' : how.startsWith('name ') ? how : `convert it: ${how}`,
    }
  }
  return undefined
}

/**
 * A sentence about a model in another format in a folder, and how to convert it; undefined if no format is
 * recognised.
 */
export const foreignModel = async (directory: string) =>
  describe(await readdir(directory).catch(() => []), formats, directory)

/** The same of a tokenizer. */
export const foreignTokenizer = async (directory: string) =>
  describe(await readdir(directory).catch(() => []), tokenizerFormats, directory)

/** A sentence about a file of another format, recognised by its name, and how to convert it. */
export const foreignFile = (path: string, directory: string) => describe([basename(path)], formats, directory)
