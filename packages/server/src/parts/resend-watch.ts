import type { NewRefusal } from '@patchbay/core/access/port'
import type { Clock } from '@patchbay/core/clock'

/** The step by which adapters refuse a client that sends a refused message again and again. */
const resendStep = 'resend'
/** The same device is told of once in this time. */
const quietMs = 60_000
const maxDevices = 10_000

/** Notices among the refusals who is kept out for resending. */
export const createResendWatch = (
  clock: Pick<Clock, 'monotonicMs'>,
): {
  hear(refusal: NewRefusal): void
  onResend(hear: (device: string | undefined, text: string) => void): void
} => {
  const toldMs = new Map<string, number>()
  let tell: ((device: string | undefined, text: string) => void) | undefined
  return {
    hear({ step, device, clientId, address, detail }) {
      if (step !== resendStep || !tell) return
      const who = device ?? ''
      const nowMs = clock.monotonicMs()
      if (nowMs - (toldMs.get(who) ?? Number.NEGATIVE_INFINITY) < quietMs) return
      if (toldMs.size >= maxDevices) toldMs.clear()
      toldMs.set(who, nowMs)
      tell(device, `${detail} Client ${clientId ?? 'without an id'} from ${address}.`)
    },
    onResend: (hear) => void (tell = hear),
  }
}
