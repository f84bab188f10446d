import { expect, test } from 'vitest'
import { createLogger, toLog } from './log.ts'

const capture = (isTTY: boolean) => {
  const lines: string[] = []
  const log = toLog(createLogger({ isTTY, write: (text: string) => lines.push(text) }))
  return { log, lines }
}

test('writes one JSON line each, with the error and its stack', () => {
  const { log, lines } = capture(false)
  log.error('it failed', { device: 'd1', error: new Error('no link') })
  const entry = JSON.parse(lines[0] ?? '')
  expect(entry).toMatchObject({ level: 50, msg: 'it failed', device: 'd1', err: { message: 'no link' } })
})

test('masks secrets wherever a field is named so', () => {
  const { log, lines } = capture(false)
  log.info('config', { password: 'hunter2', sub: { token: 'abc', secret: 'def' } })
  expect(lines[0]).not.toMatch(/hunter2|abc|def/)
})

test('writes for people on a terminal, and text from devices cannot steer it', () => {
  const { log, lines } = capture(true)
  log.warn('refused', { device: 'd1\u001b[2J\n fake line' })
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d warn {2}refused {2}device=d1·\[2J· fake line\n$/)
})
