import { once } from 'node:events'
import net from 'node:net'

export interface BreakableLink {
  readonly port: number
  /** All connections end at once, in the midst of what they say, and none is taken until `mend`. */
  cut(): Promise<void>
  mend(): Promise<void>
  close(): Promise<void>
}

/** A way to a server that can be cut, where the server itself is not the test's to stop. */
export const openBreakableLink = async (to: { host: string; port: number }): Promise<BreakableLink> => {
  const open = new Set<net.Socket>()
  const server = net.createServer((near) => {
    const far = net.connect(to.port, to.host)
    for (const [here, there] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(here)
      here.on('error', () => undefined) // 'close' follows
      here.on('close', () => {
        open.delete(here)
        there.destroy()
      })
      here.pipe(there)
    }
  })
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const { port } = server.address() as net.AddressInfo
  const cut = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of open) socket.resetAndDestroy()
    await closed
  }
  return {
    port,
    cut,
    mend: () => listen(port),
    close: () => (server.listening ? cut() : Promise.resolve()),
  }
}
