import { randomBytes } from 'node:crypto'
import type { NewProvisioningKey } from '@patchbay/contracts/provisioning'
import { createDevices } from '../src/devices/directory.ts'
import { createLoginLimiter } from '../src/devices/login-limiter.ts'
import type { DeviceEvent } from '../src/devices/port.ts'
import type { AuditEvent } from '../src/people/audit.ts'
import { defaultType } from '../src/devices/types.ts'
import { assertGrantable } from '../src/people/permissions.ts'
import type { Caller } from '../src/people/caller.ts'
import { createKeyStore } from '../src/provisioning/key-store.ts'
import type { CertificateIssuer } from '../src/provisioning/port.ts'
import { createProvisioner } from '../src/provisioning/provisioner.ts'
import { createProvisioningKeys } from '../src/provisioning/provisioning-keys.ts'
import { createFakeClock } from './fake-clock.ts'
import { createMemoryRegistry } from './memory-registry.ts'

export const admin: Caller = { kind: 'user', id: 'ada', role: 'owner', permissions: ['*'], actor: 'user:ada' }

/** What a device was answered. */
export interface Heard {
  device?: { id: string; name: string; type: string }
  credentials?: { username: string; password: string }
  preSharedKey?: { identity: string; key: string }
  certificate?: { certificate: string; authority: string }
  again?: boolean
  id?: string
  error?: { code: string; detail: string }
}

/** Provisioning over a registry that outlives it: `stop` and start another over the same one, and it is a restart. */
export async function startProvisioning(
  options: {
    registry?: ReturnType<typeof createMemoryRegistry>
    clock?: ReturnType<typeof createFakeClock>
    /** Devices that were there. */
    seen?: Set<string>
    issuer?: CertificateIssuer
  } = {},
) {
  const { registry = createMemoryRegistry(), clock = createFakeClock(), seen = new Set<string>() } = options
  const events: DeviceEvent[] = []
  const audited: AuditEvent[] = []
  const faults: unknown[] = []
  const types = new Set(['default', 'pump'])
  const hasType = (id: string) => types.has(id)
  const devices = createDevices({
    registry,
    clock,
    randomBytes,
    hear: (event) => events.push(event),
    types: {
      find: (id) => (hasType(id) ? { id, version: 1 } : undefined) as never,
      effective: (id) => ({ id, heartbeatSeconds: 300 }) as never,
    },
    statusOf: (id) => ({ status: seen.has(id) ? 'offline' : 'never' }),
    sealing: { seal: (text) => text.split('').toReversed().join('') },
  })
  const failed = (error: unknown) => faults.push(error)
  const store = createKeyStore({ registry, clock, failed, wasMade: (key, id) => devices.isProvisionedBy(id, key) })
  const keys = createProvisioningKeys({ registry, clock, store, hasType, assertGrantable })
  const provisioner = createProvisioner({
    store,
    enrol: devices.enrol,
    hasRoom: () => true,
    defaultType,
    hasType,
    clock,
    limiter: createLoginLimiter({ clock }),
    audit: { record: (event) => audited.push(event), isFull: () => false },
    issuer: () => options.issuer,
    onFault: failed,
  })
  await devices.load()
  await store.settleAll()
  return {
    registry,
    clock,
    seen,
    types,
    devices,
    keys,
    store,
    events,
    audited,
    faults,
    drain: () => provisioner.drain(),
    make: (input: Partial<NewProvisioningKey> = {}) => keys.create(admin, { name: 'Factory', ...input }),
    async ask(key: string, request: unknown, address = '192.0.2.1'): Promise<Heard> {
      const asker = { key, protocol: 'test', address }
      const answer = await provisioner.provision(asker, JSON.parse(JSON.stringify(request)))
      return JSON.parse(Buffer.from(answer.bytes).toString()) as Heard
    },
    close: () => devices.close(),
  }
}
