import type { Socket } from 'node:net'
import { beginsProxyHeader, readProxyHeader } from '@patchbay/sdk/proxy-header'
import { normaliseAddress } from '../settings/addresses.ts'
import { peek } from './peek.ts'

/** For whom a proxy speaks. Without a header, and for its own questions, it speaks for itself. */
export type Proxied = { address: string | undefined; secure: boolean } | 'bad' | 'gone'

/** Reads the PROXY header of a proxy that is believed, if it sends one, and leaves the rest for whoever is next. */
export function readProxied(socket: Socket, done: (proxied: Proxied) => void): void {
  peek(
    socket,
    (bytes) => {
      const begins = beginsProxyHeader(bytes)
      if (begins === 'mine') return readProxyHeader(bytes)
      return begins === 'no' ? ('none' as const) : begins
    },
    (peeked) => {
      if (peeked.kind === 'gone') return done('gone')
      if (peeked.kind === 'too-long' || peeked.as === 'bad') return done('bad')
      if (peeked.as === 'none') return done({ address: undefined, secure: false })
      const { peer, length, secure = false } = peeked.as
      socket.read(length)
      done({ address: peer && normaliseAddress(peer.sourceAddress), secure })
    },
  )
}
