import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const timeoutMs = 60_000

test(
  'holds connections and tells what they cost',
  async () => {
    const args = [main, '--connections', '200', '--seconds', '1', '--processes', '1']
    const { stdout } = await run(process.execPath, args, { timeout: timeoutMs })
    const [connections, kib] = (stdout.split('\n')[2] ?? '').split('|').slice(1)
    expect(Number(connections)).toBe(200)
    expect(Number(kib)).not.toBeNaN()
  },
  timeoutMs,
)

test('too many connections for the open files are refused before the first is made', async () => {
  const command = `ulimit -n 400 && exec "${process.execPath}" "${main}" --connections 200`
  const failed = await run('sh', ['-c', command], { timeout: timeoutMs }).catch((error: unknown) => String(error))
  expect(failed).toContain('200 connections need 500 open files in one process, and this shell permits 400')
})
