import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { toConfigSchema } from '@patchbay/sdk'
import { config } from '../src/config.ts'

test('config.schema.json is made of the fields', async () => {
  const file = await readFile(new URL('../config.schema.json', import.meta.url), 'utf8')
  expect(file).toBe(`${JSON.stringify(toConfigSchema(config), null, 2)}\n`)
})
