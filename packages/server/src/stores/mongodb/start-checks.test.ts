import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { expect, test } from 'vitest'
import { refuseUnfitServer, toSettingsFault, toShownAddress } from './start-checks.ts'

const fault = (code: number) =>
  new StoreUnavailable('MongoDB cannot do this now', { cause: Object.assign(new Error('no'), { code }) })

test.each([
  ['mongodb://u:secret@h:1,i:2/db?authSource=admin', 'mongodb://h:1,i:2/db'],
  ['mongodb+srv://u:se/cr@et@h/db?x=secret', 'mongodb+srv://h/db'],
  ['mongodb://h', 'mongodb://h'],
])('nobody is shown the user, the password or the options of %s', (url, shown) => {
  expect(toShownAddress(url)).toBe(shown)
})

test('a server older than 7.0, and one that only reads, are refused in words', () => {
  expect(() => refuseUnfitServer({ maxWireVersion: 17 }, 'mongodb://h')).toThrow('older than MongoDB 7.0 (mongodb://h)')
  expect(() => refuseUnfitServer({}, 'mongodb://h')).toThrow('older than MongoDB 7.0')
  expect(() => refuseUnfitServer({ maxWireVersion: 21, readOnly: true }, 'mongodb://h')).toThrow('only reads')
  refuseUnfitServer({ maxWireVersion: 21, readOnly: false }, 'mongodb://h')
})

test('wrong credentials and missing rights are for a person to mend, and nothing else is', () => {
  expect(toSettingsFault(fault(18), 'mongodb://h')?.message).toContain('user or password that mongodb://h refuses')
  expect(toSettingsFault(fault(13), 'mongodb://h')?.message).toContain('readWrite')
  expect(toSettingsFault(fault(91), 'mongodb://h')).toBeUndefined()
})
