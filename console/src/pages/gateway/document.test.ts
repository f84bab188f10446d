import { expect, test } from 'vitest'
import { isRecord, type Values } from '../../form/schema.ts'
import { at, nameOf, toMergePatch, toNodes, withAt, withWeights } from './document.ts'

/** RFC 7396, as the gateway applies it. */
const merge = (target: unknown, patch: unknown): unknown => {
  if (!isRecord(patch)) return patch
  const merged = new Map(Object.entries(isRecord(target) ? target : {}))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, merge(merged.get(key), value))
  }
  return Object.fromEntries(merged)
}

const route: Values = {
  server_port: 9100,
  plugins: { 'mqtt-proxy': { protocol_level: 4 }, prometheus: { prefer_name: true } },
  upstream: { type: 'chash', key: 'mqtt_client_id', nodes: { '10.0.0.1:1883': 1, '[fd00::1]:1883': 2 } },
}

test('one place is changed or taken out, and all others stay', () => {
  const changed = withAt(route, ['plugins', 'mqtt-proxy', 'protocol_level'], [4, 5])
  expect(at(changed, ['plugins', 'mqtt-proxy', 'protocol_level'])).toEqual([4, 5])
  expect(at(changed, ['plugins', 'prometheus'])).toEqual({ prefer_name: true })
  expect(withAt(route, ['server_port'], undefined)).not.toHaveProperty('server_port')
  expect(withAt({ list: [{ a: 1 }, { a: 2 }] }, ['list', '1', 'a'], 3)).toEqual({ list: [{ a: 1 }, { a: 3 }] })
  expect(at({}, ['__proto__', 'toString'])).toBeUndefined()
})

test.each<[string, Values]>([
  ['nothing', route],
  ['a field that goes', { plugins: route['plugins'], upstream: route['upstream'] }],
  ['nodes of another form', { ...route, upstream: { type: 'roundrobin', nodes: [{ host: 'a', port: 1, weight: 1 }] } }],
  ['a plugin more', { ...route, plugins: { 'limit-conn': { conn: 1, key: 'remote_addr' } } }],
])('the patch makes of one object the other, and says only what changed: %s', (_, after) => {
  const patch = toMergePatch(route, after)
  expect(merge(route, patch)).toEqual(after)
  // What is stored and not shown stays.
  expect(merge({ ...route, key: 'kept' }, patch)).toEqual({ ...after, key: 'kept' })
})

test('nodes are one list whatever their form, and weights are changed in the form they have', () => {
  const map = at(route, ['upstream', 'nodes'])
  expect(toNodes(map).map(nameOf)).toEqual(['10.0.0.1:1883', '[fd00::1]:1883'])
  expect(withWeights(map, { '[fd00::1]:1883': 7, elsewhere: 1 })).toEqual({ '10.0.0.1:1883': 1, '[fd00::1]:1883': 7 })
  const list = [
    { local: true, weight: 1, metadata: { zone: 'a' } },
    { host: 'b', port: 2, weight: 1 },
  ]
  expect(withWeights(list, { local: 5 })).toEqual([{ ...list[0], weight: 5 }, list[1]])
})
