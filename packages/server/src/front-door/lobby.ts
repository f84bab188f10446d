import type { Socket } from 'node:net'
import type { Listener } from '@patchbay/contracts/system'
import type { Clock } from '@patchbay/core/clock'
import type { Log } from '@patchbay/sdk'
import { normaliseAddress } from '../settings/addresses.ts'
import { certificateOf } from './client-certificate.ts'
import { isTls } from './first-bytes.ts'
import { peek, type Peeked } from './peek.ts'
import { type PeerConnection, remember } from './peer-connection.ts'
import type { PortListener } from './port-listener.ts'
import { readProxied } from './proxied.ts'
import { type FrontRefusal, type FrontRefusalCode, frontRefusals } from './refusal.ts'
import type { TlsContexts } from '../tls/tls-contexts.ts'
import { createTlsSide } from './tls-side.ts'
import { createWaitingRoom, defaultLimits, type Guest, type Limits } from './waiting-room.ts'

const defaultLoginMs = 5000

/** An open connection; it is a guest until it has an owner. */
interface Entry {
  readonly via: PortListener
  guest: Guest | undefined
  decided: boolean
  /** A proxy that is believed says that its client speaks TLS with it. */
  secured: boolean
}

/** Who takes a connection over. */
export type Owner = (connection: PeerConnection) => void

export interface Reception {
  via: PortListener
  tls: Listener['tls']
  /** Says whose the first plain or decrypted bytes are. */
  choose: (bytes: Buffer) => Owner | 'more' | 'unknown'
  /** The only owner there is: nothing inside TLS, or on a port that never speaks it, needs to be looked at. */
  only?: Owner
}

export interface LobbyOptions {
  tls: TlsContexts
  permitsPlain: (address: string) => boolean
  /** Whose PROXY header is believed; nobody's when left out. */
  trustsProxy?: (address: string) => boolean
  clock: Clock
  log: Log
  recordRefusal: (refusal: FrontRefusal) => void
  /** How long a peer may take to say what it speaks, TLS handshake included. */
  loginMs?: number
  limits?: Partial<Limits>
}

/** Where sockets are from being accepted to being handed over, and the list of those that are open. */
export function createLobby(options: LobbyOptions) {
  const { clock, log, permitsPlain } = options
  const loginMs = options.loginMs ?? defaultLoginMs
  const tlsSide = createTlsSide(options.tls, loginMs)
  const open = new Map<Socket, Entry>()
  let drained = () => {}

  const room = createWaitingRoom({
    loginMs,
    clock,
    limits: { ...defaultLimits, ...options.limits },
    turnAway: (guest, why) => turnAway(guest, why),
  })

  function turnAway(guest: Guest, code: FrontRefusalCode, detail: string = frontRefusals[code]): void {
    guest.leave()
    const via = open.get(guest.socket)?.via
    guest.socket.destroySoon()
    if (!via) return
    via.countRefused()
    options.recordRefusal({ listener: via.name, address: guest.address, code, detail })
  }

  function handOver(owner: Owner, top: Socket, encrypted: boolean, guest: Guest | undefined, raw: Socket): void {
    guest?.leave()
    const entry = open.get(raw)
    if (entry) entry.guest = undefined
    // Gone, or turned away, in this very turn.
    if (!entry || top.destroyed) return
    entry.decided = true
    const address = guest?.address ?? addressOf(raw)
    const certificate = encrypted ? certificateOf(top, options.tls.options().ca) : undefined
    const connection = remember({
      socket: top,
      address,
      encrypted: encrypted || entry.secured,
      listener: entry.via.name,
      permitted: encrypted || entry.secured || permitsPlain(address),
      ...(certificate ? { certificate } : {}),
    })
    try {
      owner(connection)
    } catch (error) {
      log.error('the owner of a connection failed to take it', { listener: entry.via.name, error })
      top.destroy()
    }
  }

  // One function for all sockets: a closure of each would hold all that was needed until its owner was known, for good.
  function forgetThis(this: Socket): void {
    const entry = open.get(this)
    open.delete(this)
    entry?.guest?.leave()
    if (open.size === 0) drained()
  }

  function receive(socket: Socket, reception: Reception): void {
    const { via, tls, choose, only } = reception
    const entry: Entry = { via, guest: undefined, decided: false, secured: false }
    open.set(socket, entry)
    socket.on('error', destroyThis)
    socket.on('close', forgetThis)
    const direct = addressOf(socket)
    const isProxy = options.trustsProxy?.(direct) ?? false
    if (only && tls === 'never' && !isProxy) return handOver(only, socket, false, undefined, socket)

    let guest = room.enter(socket, direct)
    entry.guest = guest

    const settle = (top: Socket, encrypted: boolean) => (peeked: Peeked<Owner | 'unknown' | 'tls' | 'plain'>) => {
      if (peeked.kind === 'gone') {
        guest.leave()
        socket.destroySoon()
      } else if (peeked.kind === 'too-long') turnAway(guest, 'FRONT_TOO_LONG')
      else if (peeked.as === 'tls') secure()
      else if (peeked.as === 'plain') turnAway(guest, 'FRONT_TLS_REQUIRED')
      else if (peeked.as === 'unknown') turnAway(guest, 'FRONT_UNKNOWN')
      else handOver(peeked.as, top, encrypted, guest, socket)
    }

    const secure = () => guest.startHandshake(shakeHands)
    const shakeHands = () => {
      tlsSide.secure(socket, (secured, error) => {
        if (!secured) {
          // Closed by the peer without a word: a probe, or someone who does not trust the certificate.
          if (error) turnAway(guest, 'FRONT_TLS_FAILED', `${frontRefusals.FRONT_TLS_FAILED} ${reasonOf(error)}`)
          return
        }
        guest.endHandshake()
        if (only) handOver(only, secured, true, guest, socket)
        else peek(secured, choose, settle(secured, true))
      })
    }

    const look = () => {
      if (only && tls === 'never') return handOver(only, socket, false, guest, socket)
      peek(socket, decide, settle(socket, false))
    }
    const decide = (bytes: Buffer): Owner | 'more' | 'unknown' | 'tls' | 'plain' => {
      if (tls === 'never') return choose(bytes)
      const answer = isTls(bytes)
      if (answer !== 'no') return answer === 'mine' ? 'tls' : 'more'
      return tls === 'always' ? 'plain' : choose(bytes)
    }
    if (!isProxy) return look()
    readProxied(socket, (proxied) => {
      if (proxied === 'bad') return turnAway(guest, 'FRONT_PROXY')
      if (proxied === 'gone') {
        guest.leave()
        return socket.destroySoon()
      }
      entry.secured = proxied.secure
      if (proxied.address !== undefined) {
        // The client is counted, not the proxy that many come through.
        guest.leave()
        guest = room.enter(socket, proxied.address)
        entry.guest = guest
      }
      look()
    })
  }

  const closeWhere = (test: (entry: Entry) => boolean) => {
    for (const [socket, entry] of open) if (test(entry)) socket.destroy()
  }

  return {
    receive,
    undecided: room.undecided,
    /** Closes what has not been handed over yet of a listener that goes. */
    dismiss: (via: PortListener) => closeWhere((entry) => entry.via === via && !entry.decided),
    async close(deadlineMs: number): Promise<void> {
      closeWhere((entry) => !entry.decided)
      if (open.size > 0) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(deadlineMs, resolve)
          drained = () => {
            cancel()
            resolve()
          }
        })
      }
      closeWhere(() => true)
      tlsSide.close()
    },
  }
}

/** An error without a listener would end the process; `close` follows it and does the rest. */
function destroyThis(this: Socket): void {
  this.destroy()
}

const addressOf = (socket: Socket) => normaliseAddress(socket.remoteAddress ?? '')
const reasonOf = (error: Error) => ('code' in error && typeof error.code === 'string' ? error.code : error.message)
