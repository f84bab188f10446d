import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('a late rejection or throw is counted against its instance, and the process lives', async () => {
  const file = new URL('../test/crash-process.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 15_000 })
  expect(JSON.parse(stdout)).toEqual({
    unowned: 1,
    states: {
      rejects: ['retrying', 'PLUGIN_CRASHED', 'late rejection'],
      throws: ['retrying', 'PLUGIN_CRASHED', 'late throw'],
      quiet: ['running', null, null],
    },
  })
})
