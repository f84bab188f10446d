import { readFile } from 'node:fs/promises'
import { refusals } from '@patchbay/core/errors'
import { expect, test } from 'vitest'
import { frontRefusals } from '../../src/front-door/refusal.ts'

test('every reason why a client is turned away has its words in Chinese, and no other', async () => {
  const file = new URL('../../../../console/src/words/zh/refusals.ts', import.meta.url)
  const words = [...(await readFile(file, 'utf8')).matchAll(/^ {2}([A-Z_]+): '(.+)',$/gm)]
  expect(words.map(([, code = '']) => code).toSorted()).toEqual(
    [...Object.keys(refusals), ...Object.keys(frontRefusals)].toSorted(),
  )
  for (const [, , text] of words) expect(text).toMatch(/[\u4e00-\u9fff].*。$/)
})
