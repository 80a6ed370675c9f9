import { type Decl, idOf } from '../names/module-scopes.js'
import { ModuleRecords } from './module-records.js'
import type { RecordInfo } from './resolve-type.js'
import { buildSignature, type FnSignature } from './signatures.js'
import type { SizeDefinitions } from './size-definitions.js'

/** The declarations of one module. */
export interface KnownDeclarations {
  readonly definitions: SizeDefinitions
  readonly records: ReadonlyMap<string, RecordInfo>
  readonly signatures: ReadonlyMap<string, FnSignature>
}

/** The declarations of all modules. Each is read when it is first asked for. */
export class Declarations extends ModuleRecords {
  private readonly signatures = new Map<string, FnSignature>()

  signature(decl: Decl & { kind: 'fn' }): FnSignature {
    const id = idOf(decl)
    const known = this.signatures.get(id)
    if (known !== undefined) return known
    const signature = buildSignature(this, decl)
    this.signatures.set(id, signature)
    return signature
  }

  /** The declarations of a module without errors that have been read. */
  declaredIn(module: string): KnownDeclarations {
    const records = new Map<string, RecordInfo>()
    const signatures = new Map<string, FnSignature>()
    for (const decl of this.scope(module).own.values()) {
      const id = idOf(decl)
      const record = this.records.get(id)
      if (record !== undefined && typeof record !== 'string') records.set(id, record)
      const signature = this.signatures.get(id)
      if (signature !== undefined) signatures.set(id, signature)
    }
    return { definitions: this.definitionsOf(module), records, signatures }
  }

  /** Takes over the declarations that were read for an earlier program. */
  declare(module: string, { definitions, records, signatures }: KnownDeclarations): void {
    this.definitions.set(module, definitions)
    for (const [id, record] of records) this.records.set(id, record)
    for (const [id, signature] of signatures) this.signatures.set(id, signature)
  }
}
