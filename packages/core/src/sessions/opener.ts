import type { Peer, Session } from '@patchbay/contracts/session'
import type { Authenticated, Authenticator } from '../devices/port.ts'
import { refuse } from '../errors.ts'
import { isRefused } from '../refused.ts'
import type { HubEvent } from './hub-event.ts'
import { sessionLimits } from './limits.ts'
import { LiveSession } from './live-session.ts'
import { toRefusalFields } from './publisher.ts'
import type { SessionContext } from './session-context.ts'
import { endAt } from './session-expiry.ts'

/** Lets peers in: one place for proof, takeover and the limit of sessions. */
export interface Opener {
  open(peer: Peer): Promise<Session>
  /** A device or credential ended: who is proving himself right now must do it again. */
  ended(): void
  close(): void
}

export interface OpenerOptions {
  authenticator: Authenticator
  randomId: () => string
  context: SessionContext
  hear: ((event: HubEvent) => void) | undefined
}

export function createOpener({ authenticator, randomId, context, hear }: OpenerOptions): Opener {
  const { live, presence, refusals } = context
  let endings = 0
  let closed = false

  /** A revocation during the proof would miss the session that is not there yet, so the proof is then made again. */
  async function prove(peer: Peer): Promise<Authenticated> {
    for (let attempt = 0; attempt < sessionLimits.openTries; attempt++) {
      const before = endings
      const who = await authenticator.authenticate(peer)
      if (before === endings) return who
    }
    throw refuse('STORE_UNAVAILABLE', 'Credentials are being changed all the time. Try again.')
  }

  function admit(who: Authenticated, peer: Peer): LiveSession {
    if (closed) throw refuse('STORE_UNAVAILABLE', 'The platform is shutting down.')
    const session = new LiveSession(context, who, peer, randomId())
    const { principal } = session
    const enter = () => {
      live.add(session)
      if (who.endsAtMicros !== undefined) endAt(session, who.endsAtMicros, context.clock)
    }
    if (session.request) {
      enter()
      session.alive()
      return session
    }
    // Devices that have nothing but one provisioning key are not one another, whatever their client ids.
    if (peer.clientId !== undefined && principal.kind !== 'provisioning') {
      for (const earlier of live.of(principal)) if (earlier.clientId === peer.clientId) earlier.end('taken-over')
    }
    if (live.of(session.owner).size >= mostSessions[principal.kind]) throw refuse('SESSIONS_EXCEEDED')
    enter()
    if (principal.kind === 'device') {
      presence.sessionOpened(principal.id)
      session.alive()
    }
    hear?.({ kind: 'sessions', principal, what: 'opened', session })
    return session
  }

  return {
    async open(peer) {
      try {
        return admit(await prove(peer), peer)
      } catch (cause) {
        const refused = isRefused(cause) ? cause : refuse('STORE_UNAVAILABLE', undefined, { cause })
        if (!isRefused(cause)) context.onFault(cause)
        const { protocol, address, clientId } = peer
        const who = {
          device: claimedId(peer),
          protocol,
          address,
          clientId,
          action: 'connect',
          topic: undefined,
        } as const
        if (refused.reason !== 'unavailable') refusals.record(toRefusalFields(who, refused))
        throw refused
      }
    },
    ended() {
      endings++
    },
    close() {
      closed = true
    },
  }
}

const mostSessions = {
  device: sessionLimits.sessionsPerDevice,
  application: sessionLimits.sessionsPerApplication,
  provisioning: sessionLimits.sessionsPerProvisioningKey,
}

/** The device id as the peer claims it. */
function claimedId({ credentials }: Peer): string | undefined {
  if (credentials.kind === 'password') return credentials.username
  if (credentials.kind === 'psk') return credentials.deviceId
  if (credentials.kind === 'certificate') return credentials.deviceId ?? credentials.claimedId
  return credentials.kind === 'bearer' ? credentials.username : undefined
}
