import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const run = promisify(execFile)
const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const timeoutMs = 90_000
const isLong = process.env['PATCHBAY_TEST_LONG'] === '1'
const missing = !isLong
  ? ': skipped, part of npm run test:long'
  : process.env['MONGODB_URL']
    ? ''
    : ': skipped, no MONGODB_URL'

describe.skipIf(missing !== '')(`embedded beside MongoDB${missing}`, () => {
  test(
    'the quick form measures both, and answers who is left out',
    async () => {
      const args = [main, '--quick', '--nodes', '1,2']
      const env = { ...process.env, REDIS_URL: '' }
      const { stdout } = await run(process.execPath, args, { timeout: timeoutMs, env })
      expect(stdout).not.toContain('TROUBLE')
      expect(stdout).toContain('left out: MongoDB, 2 nodes: no REDIS_URL')
      const rows = stdout.split('\n').filter((line) => /^\| (embedded|MongoDB, 1 node) /.test(line))
      expect(rows).toHaveLength(2)
      for (const row of rows) for (const cell of row.split('|').slice(2, -1)) expect(Number(cell)).toBeGreaterThan(0)
    },
    timeoutMs,
  )
})
