import { expect, test } from 'vitest'
import { within } from './within.ts'

const never = new Promise<never>(() => undefined)
const { signal } = new AbortController()

test('work that ends in time is all there is to it', async () => {
  expect(await within(Promise.resolve(1), 1000, signal, 'No answer')).toBe(1)
  await expect(within(Promise.reject(new Error('no')), 1000, signal, 'No answer')).rejects.toThrow('no')
})

test('work that hangs is given up after its time, or with the try', async () => {
  await expect(within(never, 10, signal, 'No answer')).rejects.toThrow('No answer within 0.01 s.')
  await expect(within(never, 1000, AbortSignal.timeout(5), 'No answer')).rejects.toThrow('The try was given up.')
  await expect(within(never, 1000, AbortSignal.abort(), 'No answer')).rejects.toThrow('The try was given up.')
})
