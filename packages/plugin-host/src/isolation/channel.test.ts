import { expect, test } from 'vitest'
import { type Channel, createChannel, type Handler, maxCalls, maxCallText, type Transport } from './channel.ts'
import { type Frame, maxMessageText } from './wire.ts'

/** Two ends of one channel, whose frames cross in a later turn of the loop, as they do between threads. */
const createPair = (handlers: [string, Handler][]): { guest: Channel; sizes: number[]; broken: Error[] } => {
  const hear: { host?: (frame: Frame) => void; guest?: (frame: Frame) => void } = {}
  const sizes: number[] = []
  const broken: Error[] = []
  const transportOf = (mine: 'host' | 'guest', other: 'host' | 'guest'): Transport => ({
    send(frame) {
      if (mine === 'guest') sizes.push(frame.text.length)
      setImmediate(() => hear[other]?.(frame))
    },
    receive: (taken) => void (hear[mine] = taken),
  })
  const open = (mine: 'host' | 'guest', other: 'host' | 'guest', of: [string, Handler][]): Channel =>
    createChannel({ transport: transportOf(mine, other), handlers: new Map(of), broken: (error) => broken.push(error) })
  open('host', 'guest', handlers)
  return { guest: open('guest', 'host', []), sizes, broken }
}
const large = 'x'.repeat(maxMessageText)

test('what cannot cross is refused where it is sent, and everything else goes on', async () => {
  const { guest, broken } = createPair([
    ['echo', (value) => value],
    ['large', () => large],
    ['big', () => 1n],
  ])
  await expect(guest.call('echo', { large })).rejects.toMatchObject({ code: 'PLUGIN_LIMIT' })
  await expect(guest.call('echo', { big: 1n })).rejects.toThrow('BigInt')
  expect(() => guest.cast('echo', { large })).toThrow(`${maxMessageText} are permitted`)
  await expect(guest.call('large')).rejects.toMatchObject({ code: 'PLUGIN_LIMIT' })
  await expect(guest.call('big')).rejects.toThrow('BigInt')
  expect((await guest.call('echo', 7)).value).toBe(7)
  expect(broken).toEqual([])
})

test('messages with much text are not packed into one frame', async () => {
  const { guest, sizes } = createPair([['length', (value) => String(value).length]])
  const text = 'x'.repeat(maxMessageText / 2)
  await Promise.all([guest.call('length', text), guest.call('length', text), guest.call('length', text)])
  expect(sizes).toHaveLength(3)
})

test('a value is sent as it is when it is sent', async () => {
  const { guest } = createPair([['echo', (value) => value]])
  const value = { n: 1 }
  const reply = guest.call('echo', value)
  value.n = 2
  expect((await reply).value).toEqual({ n: 1 })
})

test('calls without an answer are bounded in number and in text; a ping is asked all the same', async () => {
  const silent: [string, Handler][] = [
    ['silence', () => new Promise(() => undefined)],
    ['ping', () => 'here'],
  ]
  const { guest, broken } = createPair(silent)
  for (let count = 0; count < maxCalls; count += 1) void guest.call('silence')
  await expect(guest.call('silence')).rejects.toMatchObject({ code: 'PLUGIN_LIMIT' })
  expect((await guest.call('ping')).value).toBe('here')
  expect(broken).toEqual([])
  const { guest: wordy } = createPair(silent)
  const text = 'x'.repeat(maxMessageText - 100)
  for (let count = 0; count * text.length < maxCallText; count += 1) void wordy.call('silence', text)
  await expect(wordy.call('silence')).rejects.toMatchObject({ code: 'PLUGIN_LIMIT' })
  expect((await wordy.call('ping')).value).toBe('here')
})
