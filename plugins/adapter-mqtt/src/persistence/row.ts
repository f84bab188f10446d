import { deserialize, serialize } from 'node:v8'
import type { SQLInputValue } from 'node:sqlite'
import type { Properties } from '../wire/properties.ts'

/** A row as the worker gives it, and its cells read one by one: the file is ours, yet a broken cell must not travel on unseen. */
export type Row = Readonly<Record<string, unknown>>

export const textOf = (row: Row, column: string): string => {
  const value = row[column]
  return typeof value === 'string' ? value : ''
}

export const numberOf = (row: Row, column: string): number => {
  const value = row[column]
  return typeof value === 'number' ? value : 0
}

export const optionalNumberOf = (row: Row, column: string): number | undefined => {
  const value = row[column]
  return typeof value === 'number' ? value : undefined
}

export const bytesOf = (row: Row, column: string): Buffer => {
  const value = row[column]
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.alloc(0)
}

export const qosOf = (row: Row, column: string): 0 | 1 | 2 => {
  const value = row[column]
  return value === 1 || value === 2 ? value : 0
}

/** MQTT 5 properties hold buffers and lists, so they are kept in V8's own form. */
export const toBlob = (properties: object | undefined): SQLInputValue =>
  properties === undefined ? null : serialize(properties)

export function propertiesOf(row: Row, column: string): Properties | undefined {
  const value = row[column]
  if (!(value instanceof Uint8Array)) return undefined
  const properties: unknown = deserialize(value)
  return isProperties(properties) ? properties : undefined
}

/** What this adapter has written itself: lists are lists. */
const isProperties = (value: unknown): value is Properties =>
  typeof value === 'object' &&
  value !== null &&
  (!('userProperties' in value) || Array.isArray(value.userProperties)) &&
  (!('subscriptionIdentifiers' in value) || Array.isArray(value.subscriptionIdentifiers))
