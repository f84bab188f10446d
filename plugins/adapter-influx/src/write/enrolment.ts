import type { Peer, Sessions } from '@patchbay/sdk'

/** Makes devices that are not registered yet, as a provisioning key permits. */
export interface Enrolment {
  /** Resolves when the device is there; rejects with Refused, for the lines of the device. */
  enrol(device: string): Promise<void>
}

export interface EnrolmentOptions {
  sessions: Sessions
  provisioningKey: string
  /** Who writes: the key must be good from there, too. */
  peer: Pick<Peer, 'protocol' | 'address' | 'encrypted'>
}

/** For one request: each device is asked for once. */
export function createEnrolment({ sessions, provisioningKey, peer }: EnrolmentOptions): Enrolment {
  const asked = new Map<string, Promise<void>>()

  async function ask(device: string): Promise<void> {
    const credentials = { kind: 'password', username: 'provision', password: provisioningKey } as const
    const session = await sessions.open({ ...peer, credentials, request: true })
    try {
      // Its credentials are nobody's: whoever needs some makes them anew in the console.
      await session.provision(Buffer.from(JSON.stringify({ deviceId: device })))
    } finally {
      session.close()
    }
  }

  return {
    enrol(device) {
      const known = asked.get(device) ?? ask(device)
      asked.set(device, known)
      return known
    },
  }
}
