import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const timeoutMs = 90_000

test(
  'the quick form measures both cases of the product and loses nothing',
  async () => {
    const { stdout } = await run(process.execPath, [main, '--quick'], { timeout: timeoutMs })
    expect(stdout).not.toContain('TROUBLE')
    const rows = stdout.split('\n').filter((line) => /^\| \d+ +\| (plain|JSON) QoS /.test(line))
    expect(rows).toHaveLength(2)
    for (const row of rows) {
      const [, , , server, cpu, ratio, rate] = row.split('|').map((cell) => cell.trim())
      expect([server, ratio]).toEqual(['patchbay', '1.00'])
      expect(Number(cpu)).toBeGreaterThan(0)
      expect(Number(rate)).toBeGreaterThan(100)
    }
  },
  timeoutMs,
)
