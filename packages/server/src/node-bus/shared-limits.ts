import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { LoginLimiter as DeviceLimiter } from '@patchbay/core/devices/login-limiter'
import { DomainError } from '@patchbay/core/errors'
import type { LoginLimiter as PersonLimiter } from '@patchbay/core/people/login-limiter'
import type { NodeBus } from '@patchbay/core/nodes/port'

const Refused = Type.Object({ address: Type.String(), device: Type.Optional(Type.String()) })
const Tried = Type.Object({ address: Type.String(), account: Type.Optional(Type.String()) })
const Entered = Type.Object({ address: Type.String(), account: Type.String() })

/**
 * Whoever guesses at several nodes is counted by all of them. Each node counts what it hears in its own bounded windows, so that no login waits
 * for Redis, and with Redis away each node still has its own limit.
 */
export function shareDeviceLimiter(limiter: DeviceLimiter, bus: NodeBus | undefined, kind: string): DeviceLimiter {
  if (bus === undefined) return limiter
  bus.hear(kind, (body) => {
    if (Value.Check(Refused, body)) limiter.refused(body.address, body.device)
  })
  return {
    ...limiter,
    refused(address, device) {
      limiter.refused(address, device)
      bus.show(kind, { address, ...(device === undefined ? {} : { device }) })
    },
  }
}

/** The same for people. */
export function sharePersonLimiter(limiter: PersonLimiter, bus: NodeBus | undefined): PersonLimiter {
  if (bus === undefined) return limiter
  bus.hear('login-tried', (body) => {
    if (!Value.Check(Tried, body)) return
    try {
      limiter.take(body.account, body.address)
    } catch (error) {
      // it is full already
      if (!(error instanceof DomainError)) throw error
    }
  })
  bus.hear('login-entered', (body) => {
    if (Value.Check(Entered, body)) limiter.succeed(body.account, body.address)
  })
  return {
    take(account, address) {
      limiter.take(account, address)
      bus.show('login-tried', { address, ...(account === undefined ? {} : { account }) })
    },
    succeed(account, address) {
      limiter.succeed(account, address)
      bus.show('login-entered', { address, account })
    },
  }
}
