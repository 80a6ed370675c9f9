import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, it } from 'vitest'
import type * as Helpers from '../../runtime/node-helper.js'
import { temporaryFile } from '../support/temporary.js'

it.each(['cjs', 'esm'] as const)('a package that was bundled as %s goes without helpers', async format => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../runtime/node-helper.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format,
    write: false,
    logLevel: 'silent',
  })
  const file = await temporaryFile(format === 'cjs' ? 'bundle.cjs' : 'bundle.mjs', outputFiles[0]!.text)
  const bundled: typeof Helpers =
    format === 'cjs' ? createRequire(import.meta.url)(file) : await import(/* @vite-ignore */ file)
  const traits = { name: 'llvmpipe' } as Parameters<typeof Helpers.helpersFor>[0]
  expect(bundled.helpersFor(traits, {})).toEqual([])
})
