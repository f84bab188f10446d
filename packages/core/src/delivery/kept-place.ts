import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { RegistryStore } from '../registry/port.ts'

const Cursor = Type.Record(Type.String(), Type.Integer({ minimum: 0 }))

/** What outlives a restart: how far a delivery is, and what it has done. */
export const Place = Type.Object({
  cursor: Cursor,
  floor: Cursor,
  /** Of what was there before the floor, only values of this time (µs) or later. */
  micros: Type.Integer({ minimum: 0 }),
  sent: Type.Integer({ minimum: 0 }),
  refused: Type.Integer({ minimum: 0 }),
  gone: Type.Integer({ minimum: 0 }),
  /** Points read and records that they made: for the records that wait. */
  points: Type.Integer({ minimum: 0 }),
  records: Type.Integer({ minimum: 0 }),
  /** Since when something waits, µs; 0: nothing does. */
  waitsSince: Type.Number({ minimum: 0 }),
})
export type Place = Static<typeof Place>

const idOf = (instance: string): string => `delivery/${instance}`

export async function readPlace(registry: Pick<RegistryStore, 'get'>, instance: string): Promise<Place | undefined> {
  const body = (await registry.get('meta', idOf(instance)))?.body
  return Value.Check(Place, body) ? body : undefined
}

export async function keepPlace(registry: Pick<RegistryStore, 'put'>, instance: string, place: Place): Promise<void> {
  await registry.put('meta', idOf(instance), { ...place }, 'any')
}

export async function forgetPlace(registry: Pick<RegistryStore, 'delete'>, instance: string): Promise<void> {
  await registry.delete('meta', idOf(instance))
}
