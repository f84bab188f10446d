import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { toConnect } from './connect-bytes.ts'
import { startBroker } from './world.ts'

/** Connections of each kind: kernels keep some MiB of each, which is why there are not thousands. */
const each = process.env['PATCHBAY_TEST_LONG'] ? 40 : 10
/** What a sender would like to send: far more than all buffers on the way together. */
const pouredBytes = 64 << 20
const chunk = Buffer.alloc(1 << 20)
/** One read and one full buffer wait at a connection that stands still: 80 KiB, and what the process needs to be one. */
const boundKib = 256
const noiseKib = 12 << 10

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0).toReversed()) close()
})

/** Writes as much as is taken. */
async function pour(socket: Socket): Promise<void> {
  for (let sent = 0; sent < pouredBytes && !socket.destroyed; sent += chunk.length)
    if (!socket.write(chunk)) await once(socket, 'drain')
}

test('peers that do not read, on either side, cost the gateway a buffer each and no more', async () => {
  let poured = 0
  const note = (socket: Socket): void => {
    closing.push(() => socket.destroy())
    poured += 1
    // It never ends by itself: what is not taken waits here.
    pour(socket).then(
      () => (poured -= 1),
      () => undefined,
    )
  }
  const broker = await startBroker((socket, bytes) => {
    // To those who do not read it sends; it does not read what the others send.
    if (bytes.includes('deaf client')) note(socket)
    else if (bytes.includes('client of the deaf')) socket.pause()
  })
  closing.push(broker.close)
  const child = fork(new URL('held.ts', import.meta.url), [String(broker.port)], { execArgv: ['--expose-gc'] })
  closing.push(() => void child.kill('SIGKILL'))
  const hear = async (): Promise<Record<string, number>> => (await once(child, 'message'))[0]
  const { port = 0 } = await hear()
  const rssKib = async (): Promise<number> => {
    child.send('say')
    return ((await hear())['rss'] ?? 0) >> 10
  }
  const enter = async (clientId: string): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.on('error', () => undefined)
    closing.push(() => socket.destroy())
    await once(socket, 'connect')
    const count = broker.sockets.length
    socket.write(toConnect({ clientId }))
    await expect.poll(() => broker.sockets.length, { interval: 5 }).toBe(count + 1)
    return socket
  }
  // What all connections share is there before.
  for (let index = 0; index < 20; index++) await enter(`warm ${index}`)
  const before = await rssKib()
  const senders: Socket[] = []
  for (let index = 0; index < each; index++) {
    ;(await enter(`deaf client ${index}`)).pause()
    const sender = await enter(`client of the deaf ${index}`)
    senders.push(sender)
    note(sender)
  }
  await expect.poll(() => poured).toBe(2 * each)
  // Until nothing moves any more: the most that the process has had meanwhile is what counts.
  let most = 0
  let still = 0
  let last = -1
  while (still < 5) {
    await wait(100)
    most = Math.max(most, await rssKib())
    const written = [...senders, ...broker.sockets].reduce(
      (sum, socket) => sum + socket.bytesWritten - socket.writableLength,
      0,
    )
    still = written === last ? still + 1 : 0
    last = written
  }
  // Nobody could send all that he had.
  expect(poured).toBe(2 * each)
  const perConnection = (most - before) / (2 * each)
  process.stdout.write(
    `${2 * each} connections that stand still, ${last >> 20} MiB given to the kernel: ${most - before} KiB more in the gateway, ${perConnection.toFixed(0)} KiB each\n`,
  )
  expect(most - before).toBeLessThan(2 * each * boundKib + noiseKib)
}, 60_000)
