import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { cpuMicros, listenerOf, openFileLimit, rssKib } from './usage.ts'

test('a process is seen with its CPU, memory and limits', () => {
  const before = cpuMicros(process.pid)
  const until = performance.now() + 60
  while (performance.now() < until);
  expect(cpuMicros(process.pid) - before).toBeGreaterThanOrEqual(10_000)
  expect(rssKib(process.pid)).toBeGreaterThan(10_000)
  expect(openFileLimit(process.pid)).toBeGreaterThan(0)
})

test('the process behind a port is found', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  expect(typeof address === 'object' && address ? listenerOf(address.port) : 0).toBe(process.pid)
  server.close()
})
