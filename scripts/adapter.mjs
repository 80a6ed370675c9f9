// Prints the name of the WebGPU adapter that answers; exit code 1 if none does.
import { create } from 'webgpu'

process.env.XDG_RUNTIME_DIR ??= '/tmp'
let gpu = create([])
const adapter = await gpu.requestAdapter()
if (adapter === null) process.exitCode = 1
else {
  const { vendor, architecture, device, description } = adapter.info
  console.log(description || device || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter')
}
gpu = undefined
