import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

// To be imported before a device is opened: Mesa's drivers then cache what a file's tests compile, whatever
// the user has set, and in a folder of
// the tests' own.
const folder = mkdtempSync(join(tmpdir(), 'jola-test-cache-'))
process.env.MESA_SHADER_CACHE_DIR = folder
delete process.env.MESA_SHADER_CACHE_DISABLE
delete process.env.MESA_GLSL_CACHE_DISABLE
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
