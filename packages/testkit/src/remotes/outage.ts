import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A server that can go away in the middle of a test and come back with what it had. */
export interface Outage {
  /** Where to reach it. */
  readonly url: string
  /** What `stop` does: `kill -9`, or `connections cut` where the test may not kill the server. */
  readonly how: 'kill -9' | 'connections cut'
  stop(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

/**
 * The program that kills and starts the servers of the tests, by `PROGRAM kill NAME` (kill -9, data stays) and `PROGRAM start NAME` (same data, same
 * port); a few lines of shell around `docker kill` and `docker start` will do. Without one, connections are cut instead.
 */
const program = process.env['PATCHBAY_TEST_SERVERS']

const run = async (verb: 'kill' | 'start', name: string): Promise<void> => {
  const child = spawn(program ?? '', [verb, name], { stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${program} ${verb} ${name} ended with ${code}`)
}

/**
 * Leads to a server until it is stopped: then connections are cut, and refused until it is started again. For servers that forget everything when they
 * are killed.
 */
export async function openCut(url: string): Promise<Outage> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    // It was let in while the server was being closed: nobody else would end it, and the close would wait for it.
    if (!server.listening) {
      socket.destroy()
      return
    }
    const far = connect(Number(target.port), target.hostname)
    for (const [one, other] of [
      [socket, far],
      [far, socket],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      // One side that ends or breaks takes the other with it, as it is seen through a wire.
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    return typeof address === 'object' && address ? address.port : port
  }
  const port = await listen(0)
  const stop = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  const near = new URL(url)
  near.port = String(port)
  near.hostname = '127.0.0.1'
  return {
    url: near.href.replace(/\/$/, ''),
    how: 'connections cut',
    stop,
    start: async () => void (await listen(port)),
    close: async () => {
      if (server.listening) await stop()
    },
  }
}

/** `name`: what the server is called by the program that kills it. */
export async function openOutage(name: string, url: string): Promise<Outage> {
  if (program === undefined) return openCut(url)
  return {
    url,
    how: 'kill -9',
    stop: () => run('kill', name),
    start: () => run('start', name),
    close: async () => undefined,
  }
}
