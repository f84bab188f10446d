import { describe, expect, test } from 'vitest'
import { intersects, toTopicMap } from './topic-map.ts'

const lead = (from: string, to: string, topic: string): string | undefined =>
  toTopicMap({ from, to }, '/out/0').toTopic(topic)

describe('a row leads a topic', () => {
  test.for([
    ['devices/+/telemetry', '', 'devices/a/telemetry', 'devices/a/telemetry'],
    ['devices/+/telemetry', 'plant1/', 'devices/a/telemetry', 'plant1/devices/a/telemetry'],
    ['devices/+/telemetry', 'plant1/+/t', 'devices/a/telemetry', 'plant1/a/t'],
    ['devices/#', 'plant1/#', 'devices/a/telemetry', 'plant1/a/telemetry'],
    ['devices/#', 'plant1/#', 'devices', 'plant1'],
    ['+/+/#', 'x/+/y/+/#', 'a/b/c/d', 'x/a/y/b/c/d'],
    ['+/+/x', '{2}-{1}/{topic}', 'a/b/x', 'b-a/a/b/x'],
    ['a/+', 'all', 'a/b', 'all'],
    ['a/+', '+', 'a/', ''],
    ['#', 'x/#', 'a//b', 'x/a//b'],
    ['a/+', 'b/+', 'a/{topic}$&', 'b/{topic}$&'],
  ] as const)('%s → %s: %s → %s', ([from, to, topic, wanted]) => {
    expect(lead(from, to, topic)).toBe(wanted)
  })
  test.for([
    ['a/+', 'a'],
    ['a/+', 'a/b/c'],
    ['a/b', 'a/c'],
    ['#', '$SYS/uptime'],
    ['+/x', '$SYS/x'],
  ] as const)('%s has nothing to do with %s', ([from, topic]) => {
    expect(lead(from, '', topic)).toBeUndefined()
  })
  test('numbers what asks for a number', () => {
    const map = toTopicMap({ from: 'a', to: 'b/?$rid={n}' }, '/out/0')
    expect([map.toTopic('a'), map.toTopic('a'), map.target]).toEqual(['b/?$rid=1', 'b/?$rid=2', 'b/+'])
  })
})

test.for([
  ['a/b#', '', '/out/0/from'],
  ['a/#/b', '', '/out/0/from'],
  ['', '', '/out/0/from'],
  ['a/+', 'b/+/+', '/out/0/to'],
  ['a/+', 'b/#', '/out/0/to'],
  ['a/#', 'b+', '/out/0/to'],
] as const)('%s → %s is refused', ([from, to, path]) => {
  expect(() => toTopicMap({ from, to }, '/out/0')).toThrow(expect.objectContaining({ name: 'BadConfig', path }))
})

test('filters that share a topic are found', () => {
  for (const [a, b, shared] of [
    ['a/#', 'a/b', true],
    ['a/#', 'a', true],
    ['+/b', 'a/+', true],
    ['a/+', 'a/b/c', false],
    ['a/b', 'a/c', false],
    ['#', 'x/y', true],
  ] as const) {
    expect([a, b, intersects(a, b)]).toEqual([a, b, shared])
    expect([b, a, intersects(b, a)]).toEqual([b, a, shared])
  }
})
