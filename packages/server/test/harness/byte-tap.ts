import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

export interface ByteTap {
  readonly port: number
  /** Of each connection that sent something, in their order: SHA-256 of what went up and of what came down, and how much it was. */
  streams(): string[]
  close(): void
}

/** Carries connections to a port, and hashes what goes by in each direction. */
export const startByteTap = async (to: number): Promise<ByteTap> => {
  const all: (() => string | undefined)[] = []
  const server = createServer((socket) => {
    const on = connect(to, '127.0.0.1')
    for (const each of [socket, on]) each.on('error', () => each.destroy())
    const [up, down] = [createHash('sha256'), createHash('sha256')]
    let [sent, got] = [0, 0]
    socket.on('data', (bytes) => {
      up.update(bytes)
      sent += bytes.length
    })
    on.on('data', (bytes) => {
      down.update(bytes)
      got += bytes.length
    })
    socket.pipe(on).pipe(socket)
    const hex = (of: typeof up): string => of.copy().digest('hex')
    all.push(() => (sent === 0 ? undefined : `${hex(up)} ${sent}, ${hex(down)} ${got}`))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    streams: () => all.flatMap((each) => each() ?? []),
    close: () => void server.close(),
  }
}
