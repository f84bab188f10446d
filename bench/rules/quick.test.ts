import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const timeoutMs = 90_000

test(
  'the quick form measures both sides, and the rules have looked at every message',
  async () => {
    const { stdout } = await run(process.execPath, [main, '--quick'], { timeout: timeoutMs })
    expect(stdout).not.toContain('TROUBLE')
    const rows = stdout.split('\n').filter((line) => line.startsWith('| with'))
    expect(rows).toHaveLength(2)
    expect(/looked at (\d+) of (\d+) messages and are 0 points behind/.exec(stdout)).toMatchObject({ length: 3 })
  },
  timeoutMs,
)
