import type { KeyValue } from '@patchbay/sdk'
import { HostError } from './errors.ts'

export const maxKeyLength = 256
export const maxValueBytes = 64 * 1024

const assertKey = (key: string): void => {
  if (key.length === 0 || key.length > maxKeyLength)
    throw new HostError('PLUGIN_LIMIT', `A key of the store has 1 to ${maxKeyLength} characters.`)
}

/** An instance's store with the limits the SDK promises. */
export const limitValues = (values: KeyValue): KeyValue => ({
  async get(key) {
    assertKey(key)
    return values.get(key)
  },
  async set(key, value) {
    assertKey(key)
    const text = JSON.stringify(value)
    if (text === undefined) throw new HostError('PLUGIN_LIMIT', 'Only JSON can be stored.')
    if (Buffer.byteLength(text) > maxValueBytes)
      throw new HostError('PLUGIN_LIMIT', `A value of the store has at most ${maxValueBytes} bytes.`)
    await values.set(key, value)
  },
  async delete(key) {
    assertKey(key)
    await values.delete(key)
  },
})
