import { expect, test } from 'vitest'
import { isCommandTo } from './command-topic.ts'

const device = { principal: { kind: 'device', id: 'a' } } as const
test.each([
  ['devices/a/commands/1', true],
  ['devices/a/commands/1/reply', false],
  ['devices/b/commands/1', false],
  ['devices/a/command', false],
])('%s: %s', (topic, is) => expect(isCommandTo(device, topic)).toBe(is))

test('an application has no commands', () =>
  expect(isCommandTo({ principal: { kind: 'application', id: 'a' } }, 'devices/a/commands/1')).toBe(false))
