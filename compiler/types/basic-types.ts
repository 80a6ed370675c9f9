import { type Size, sizeName } from '../core/size.js'
import type { Type } from '../core/type.js'

export const typeF32: Type = { kind: 'scalar', dtype: 'f32' }
export const typeI32: Type = { kind: 'scalar', dtype: 'i32' }
export const typeU32: Type = { kind: 'scalar', dtype: 'u32' }
export const typeBool: Type = { kind: 'scalar', dtype: 'bool' }
export const typeKey: Type = { kind: 'key' }

const ERROR_TYPE_ID = -1
/** The type of an expression in error. It unifies with every type, so that one mistake gives one message. */
export const errorType: Type = { kind: 'var', id: ERROR_TYPE_ID }
export const isError = (t: Type): boolean => t.kind === 'var' && t.id === ERROR_TYPE_ID

const ERROR_SIZE_NAME = '?error'
/** The size of an axis in error. It equals every size. */
export const errorSize: Size = sizeName(ERROR_SIZE_NAME)
export const isErrorSizeName = (text: string): boolean => text === ERROR_SIZE_NAME

/**
 * Whether a name in a size stands for an unknown, or for the size in error: no program can write such a name.
 */
export const isUnknownSizeName = (text: string): boolean => text.startsWith('?')
