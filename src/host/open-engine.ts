import { freemem } from 'node:os'
import { openNodeDevice } from '../../runtime/node.js'
import { deviceEngine, type Engine } from '../engine/engine.js'
import { openInterpreter } from '../engine/interpreter.js'
import { UserError } from '../errors/user-error.js'

const engineKinds = ['gpu', 'interpreter'] as const

/**
 * `gpu`: WebGPU through Dawn, on a GPU or a software driver. `interpreter`: float64 on the processor, slow
 * and exact.
 */
export type EngineKind = (typeof engineKinds)[number]

/** The interpreter as an engine that is always open: it can't be closed. */
export const interpreterEngine: Engine = { ...openInterpreter(freemem), close: () => undefined }

/**
 * Opens an engine, `adapter` being a part of the name of the adapter to take. Close it when it is no longer
 * needed. Throws a `UserError` where there is no such kind, and a `DeviceError` where there is no device.
 */
export const openEngine = async (kind: EngineKind, adapter?: string): Promise<Engine> => {
  if (!engineKinds.includes(kind))
    throw new UserError({
      what: `there is no engine ${JSON.stringify(kind)}`,
      why: `the engines are ${engineKinds.map(k => `'${k}'`).join(' and ')}`,
      hint:
        "'gpu' is WebGPU, which a software driver may do on the processor; 'interpreter' " +
        'computes in float64, slowly',
      exitCode: 2,
    })
  if (kind === 'gpu') return deviceEngine(await openNodeDevice(adapter === undefined ? {} : { adapter }))
  if (adapter !== undefined)
    throw new UserError({
      what: 'the interpreter has no adapter',
      why: `${JSON.stringify(adapter)} was given`,
      hint: "leave it out, or open the engine 'gpu'",
      exitCode: 2,
    })
  return openInterpreter(freemem)
}
