import { expect, test } from 'vitest'
import { openAll } from './opened.ts'

test('what was opened is closed in reverse when the rest fails, whatever cannot be closed', async () => {
  const closed: string[] = []
  const faults: unknown[] = []
  const thing = (name: string) => ({ close: () => void closed.push(name) })
  const failed = openAll(
    async ({ add, own }) => {
      own(thing('store'))
      const taken = add(() => closed.push('jobs'))
      own({
        close() {
          throw new Error('stuck')
        },
      })
      own(thing('domain'))
      taken()
      await Promise.resolve()
      throw new Error('late')
    },
    (fault) => faults.push(fault),
  )
  await expect(failed).rejects.toThrow('late')
  expect(closed).toEqual(['domain', 'store'])
  expect(faults).toEqual([new Error('stuck')])
})

test('what comes while it is being closed is closed at once, and nothing is when all went well', async () => {
  const closed: string[] = []
  let open: ((close: () => unknown) => unknown) | undefined
  const failed = openAll(
    async ({ add }) => {
      open = add
      throw new Error('late')
    },
    () => undefined,
  )
  await expect(failed).rejects.toThrow('late')
  open?.(() => closed.push('late'))
  expect(closed).toEqual(['late'])
  expect(
    await openAll(
      async ({ own }) => own({ close: () => closed.push('never') }),
      () => undefined,
    ),
  ).toBeDefined()
  expect(closed).toEqual(['late'])
})
