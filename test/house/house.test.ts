import { describe, expect, test } from 'vitest'
import { checkHouse, longFiles } from './house-rules.ts'
import { lineCount, readSources } from './source-files.ts'

const files = readSources()

test('every file keeps the house rules', () => {
  expect(checkHouse(files)).toEqual([])
})

test('every file in the list of long files is there and long', () => {
  for (const path of longFiles.keys()) {
    const file = files.find((each) => each.path === path)
    expect(file && lineCount(file.text) > 250 ? 'long' : `${path} need not be listed`).toBe('long')
  }
})

describe('a broken rule is found', () => {
  const lines = (count: number) => 'a\n'.repeat(count)
  test.each([
    ['packages/core/src/utils.ts', '', 'utils'],
    ['packages/core/src/helpers/a.ts', '', 'helpers'],
    ['packages/core/src/index.ts', '', 'barrel'],
    ['packages/core/src/DeviceList.ts', '', 'kebab-case'],
    ['packages/core/src/a.ts', lines(401), '401 lines'],
    ['packages/core/src/a.ts', lines(251), 'no reason'],
    ['packages/core/src/a.ts', 'function a() {\n  console.log(1)\n}\n', 'console'],
    ['packages/core/src/a.ts', 'export default 1\n', 'default export'],
  ])('%s', (path, text, why) => {
    const found = checkHouse([{ path, text }])
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(why)
  })

  test.each([
    ['packages/sdk/src/index.ts', ''],
    ['plugins/adapter-http/src/index.ts', 'export default definePlugin({})\n'],
    ['packages/core/src/a.test.ts', lines(500)],
    ['packages/core/src/a.ts', lines(250)],
    ['packages/core/src/a.ts', '// console.log(1) is for main\n'],
    ['bench/simulate/main.ts', 'console.log(1)\n'],
  ])('and nothing is found in %s', (path, text) => {
    expect(checkHouse([{ path, text }])).toEqual([])
  })
})
