import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../../errors/user-error.js'
import { stdlibFolder } from '../../files/stdlib-folder.js'
import type { PeerProgram } from './process.js'

/**
 * The peers' scripts, with a package.json and a lock of their own: they are no dependencies of the project.
 */
export const peersFolder = join(stdlibFolder, '..', 'test', 'bench', 'peers')

const installTorch =
  'install PyTorch for python3: `apt-get install python3-torch python3-numpy ' +
  'libopenblas0-pthread`, or `python3 -m pip install torch numpy`'

/**
 * The systems that Jola is compared with. `software`: the WebGPU device is the processor, so waiting must not
 * take its cores.
 */
export const peerPrograms = (software: boolean): readonly PeerProgram[] => {
  const node = (name: string, file: string): PeerProgram => ({
    name,
    commands: [[process.execPath, join(peersFolder, file)]],
    env: software ? { SLEEP: '1' } : {},
    install: 'run `jola bench peers --install`',
  })
  const script = join(peersFolder, 'peer_torch.py')
  return [
    {
      name: 'PyTorch',
      commands: [
        ['python3', script],
        ['/usr/bin/python3', script],
      ],
      // Otherwise its OpenMP threads would spin next to OpenBLAS's, and after the work.
      env: { OMP_WAIT_POLICY: 'passive' },
      install: installTorch,
    },
    node('ONNX Runtime', 'onnxruntime.mjs'),
    node('jax-js', 'jax.mjs'),
    node('TensorFlow.js', 'tf.mjs'),
  ]
}

const needFolder = (): void => {
  if (existsSync(peersFolder)) return
  throw new UserError({
    what: 'the scripts of the peers are not here',
    where: peersFolder,
    why: 'they are in the repository and not in the package',
    hint: 'run `jola bench peers` from a checkout of the repository',
  })
}

/** Installs the JavaScript peers at their locked versions. Throws a `UserError` where npm fails. */
export const installPeers = (): void => {
  needFolder()
  // ONNX Runtime's script would fetch libraries for other processors; the one for this one is in the package.
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: peersFolder,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0)
    throw new UserError({ what: 'npm could not install the peers', where: peersFolder, hint: 'see above' })
}

/** Throws a `UserError` unless the scripts are there. */
export const checkPeersFolder = needFolder
