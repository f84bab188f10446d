import type { Log } from '@patchbay/sdk'
import { expect, test } from 'vitest'
import { createPluginLog, maxLogLines } from './plugin-log.ts'

const written: string[] = []
const out: Log = {
  debug: (message) => void written.push(message),
  info: (message) => void written.push(message),
  warn: (message) => void written.push(message),
  error: (message) => void written.push(message),
}

test('the last lines of each plugin are kept, the newest first, and all of them go on', () => {
  const { log, list } = createPluginLog(out, { nowMicros: () => 1_000_000 })
  log.info('no plugin’s', {})
  log.debug('not kept', { plugin: 'feed' })
  log.error('crashed', { plugin: 'feed', instance: 'a', err: new Error('the gears are stuck') })
  for (let n = 0; n < maxLogLines; n++) log.info(`line ${n}`, { plugin: 'feed', instance: 'b', n })
  log.warn('the end', { plugin: 'feed', instance: 'a', err: { type: 'E', message: 'why', stack: 'at …' } })
  expect(written).toHaveLength(maxLogLines + 4)
  expect(list('feed')).toHaveLength(maxLogLines)
  expect(list('feed', 'a'), 'the crash was long ago').toEqual([
    { at: '1970-01-01T00:00:01.000Z', level: 'warn', instance: 'a', text: 'the end', detail: '{"err":"why"}' },
  ])
  expect(list('feed', 'b')[0]).toMatchObject({ text: `line ${maxLogLines - 1}`, detail: `{"n":${maxLogLines - 1}}` })
  expect(list('other')).toEqual([])
})

test('a line with what cannot be written as JSON is kept without it', () => {
  const { log, list } = createPluginLog(out, { nowMicros: () => 0 })
  const round: Record<string, unknown> = {}
  round['self'] = round
  log.info('round', { plugin: 'feed', round })
  expect(list('feed')).toEqual([{ at: '1970-01-01T00:00:00.000Z', level: 'info', text: 'round' }])
})
