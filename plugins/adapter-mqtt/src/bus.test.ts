import { expect, it } from 'vitest'
import { Bus } from './bus.ts'
import { toMessage, type Message } from './message.ts'

const message = (at: number): Message =>
  toMessage(
    'devices/a/x',
    Buffer.from(`${at}`),
    ([0, 1, 2] as const)[at % 3] ?? 0,
    at % 5 === 0,
    undefined,
    'device/a/x',
  )
const numberOf = ({ payload }: Message) => Number(String(payload))

it.each([true, false])(
  'keeps messages of every kind in the order in which they came (durable copies: %s)',
  async (durable) => {
    const heard: number[] = []
    const bus = await Bus.open({
      retain: async () => undefined,
      hear: (one) => {
        heard.push(numberOf(one))
        return durable ? Promise.resolve() : undefined
      },
    })
    const total = 500
    await Promise.all(Array.from({ length: total }, (_, at) => bus.send(message(at))))
    expect(heard).toEqual(Array.from({ length: total }, (_, at) => at))
    await bus.close()
  },
)

it('settles a message when its copies, its retained value and what goes with them are on disk, or have failed', async () => {
  const disk = Promise.withResolvers<void>()
  const bus = await Bus.open({
    retain: (one) => (numberOf(one) === 5 ? disk.promise : Promise.resolve()),
    hear: (one) => (numberOf(one) === 1 ? disk.promise : undefined),
  })
  const settled: [number, Error | undefined][] = []
  const publish = (at: number, carried?: () => Promise<unknown> | undefined) =>
    bus.publish(message(at), (failed) => settled.push([at, failed]), carried)
  publish(1) // a copy
  publish(5) // a retained value
  publish(7, () => disk.promise) // what goes with it
  publish(3) // nothing to wait for
  await new Promise((resolve) => setImmediate(resolve))
  expect(settled).toEqual([[3, undefined]])
  disk.reject(new Error('disk full'))
  await new Promise((resolve) => setImmediate(resolve))
  const late = settled.slice(1).toSorted(([a], [b]) => a - b)
  expect(late.map(([at, failed]) => [at, failed?.message])).toEqual(
    [1, 5, 7].map((at) => [at, 'The broker’s store cannot take it now']),
  )
  await bus.close()
})
