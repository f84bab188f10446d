import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { expect, test } from 'vitest'
import { WorkerLink } from './worker-link.ts'

interface Calls {
  work: { ask: number; answer: number }
  close: { ask: undefined; answer: undefined }
}

const link = (name: string, onFatal: (error: Error) => void) =>
  new WorkerLink<Calls>({ entry: new URL(name, import.meta.url), file: 'some.sqlite', data: {}, heapMb: 32, onFatal })

test('a thread that dies rejects everything in flight and later, and tells once', async () => {
  const fatal: Error[] = []
  const dying = link('./fixtures/dying-worker.ts', (error) => fatal.push(error))
  expect(await dying.opened()).toBe('open')
  const results = await Promise.allSettled([1, 2, 3].map((n) => dying.call('work', n)))
  for (const result of results)
    expect(result).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) })
  await expect(dying.call('work', 4)).rejects.toThrow(StoreUnavailable)
  await dying.close()
  expect(fatal).toHaveLength(1)
  expect(fatal[0]).toMatchObject({
    name: 'StoreUnavailable',
    cause: expect.objectContaining({ message: 'the thread dies' }),
  })
})

test('a thread that cannot start rejects the opening', async () => {
  const missing = link('./fixtures/no-such-file.ts', () => undefined)
  await expect(missing.opened()).rejects.toThrow(StoreUnavailable)
})

test('a request that cannot be copied is refused and leaves no call waiting', async () => {
  const dying = link('./fixtures/dying-worker.ts', () => undefined)
  await dying.opened()
  const uncopyable: { ask: number } = JSON.parse('{}')
  Object.assign(uncopyable, { ask: Symbol('x') })
  await expect(dying.call('work', uncopyable.ask)).rejects.toThrow(/cannot be sent/)
  await dying.terminate()
})
