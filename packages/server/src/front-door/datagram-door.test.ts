import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '@patchbay/core/clock'
import type { DatagramPeer } from '@patchbay/sdk'
import { createDatagramDoor, type DatagramDoor } from './datagram-door.ts'

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const sockets: Socket[] = []
let door: DatagramDoor

beforeEach(() => {
  door = createDatagramDoor({ host: '127.0.0.1', clock: systemClock, log: quiet })
})
afterEach(async () => {
  await door.close()
  for (const socket of sockets.splice(0)) socket.close()
})

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4')
  sockets.push(socket)
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}
/** A number that is free over UDP right now. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}
const ask = async (port: number, text: string): Promise<string> => {
  const client = await bound()
  client.send(text, port, '127.0.0.1')
  const [bytes] = await once(client, 'message')
  return String(bytes)
}

test('datagrams on the shared port go to the protocol whose first bytes they have, and answers come back from it', async () => {
  const port = await freePort()
  const seen: [string, DatagramPeer, string][] = []
  door.register(
    'broken',
    () => {
      throw new Error('bug')
    },
    () => {},
  )
  door.register(
    'a',
    (bytes) => bytes[0] === 0x61,
    (bytes, from, via) => {
      seen.push([String(bytes), from, via.listener])
      via.send(Buffer.from(`a took ${String(bytes)}`), from)
    },
  )
  door.register(
    'b',
    (bytes) => bytes[0] === 0x62,
    (bytes, from, via) => via.send(Buffer.from(`b took ${String(bytes)}`), from),
  )
  await door.open('main', port)
  expect(await ask(port, 'alpha')).toBe('a took alpha')
  expect(await ask(port, 'beta')).toBe('b took beta')
  expect(seen).toEqual([['alpha', { address: '127.0.0.1', port: expect.any(Number) }, 'main']])
  expect(door.listeners()).toMatchObject([{ name: 'main-udp', port, transport: 'udp', state: 'listening' }])
})

test('no UDP port is open while no protocol wants one; a late one opens it', async () => {
  const port = await freePort()
  await door.open('main', port)
  expect(door.listeners()).toEqual([])
  door.register(
    'late',
    () => true,
    (bytes, from, via) => via.send(bytes, from),
  )
  await vi.waitFor(() => expect(door.listeners()).toMatchObject([{ state: 'listening' }]))
  expect(await ask(port, 'here')).toBe('here')
})

test('a taken port is degraded and says so; 0 is off; closing frees the port', async () => {
  const taken = (await bound()).address().port
  const states: (string | undefined)[] = []
  const close = door.listenOwn(
    { name: 'coap', port: taken },
    () => {},
    (state, detail) => states.push(state, detail),
  )
  await vi.waitFor(() => expect(door.listeners()).toMatchObject([{ name: 'coap', state: 'degraded' }]))
  expect(states).toEqual(['degraded', expect.stringContaining('taken by another program')])
  await close()
  const off = door.listenOwn({ name: 'coaps', port: 0 }, () => {})
  expect(door.listeners()).toMatchObject([{ name: 'coaps', state: 'off' }])
  await off()

  const port = await freePort()
  const free = door.listenOwn({ name: 'coap', port }, () => {})
  await vi.waitFor(() => expect(door.listeners()).toMatchObject([{ state: 'listening' }]))
  await free()
  const again = createSocket('udp4')
  sockets.push(again)
  again.bind(port, '127.0.0.1')
  await once(again, 'listening')
})
