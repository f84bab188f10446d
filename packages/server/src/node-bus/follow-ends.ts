import type { DeviceEvent } from '@patchbay/core/devices/port'
import type { NodeBus } from '@patchbay/core/nodes/port'
import { Type } from 'typebox'
import { Value } from 'typebox/value'

const CredentialEnded = Type.Object({
  kind: Type.Literal('credential-ended'),
  device: Type.String(),
  credential: Type.String(),
})

/** A credential or API key that ends at one node ends at all of them at once: nobody waits until the registry is read again. */
export function followEnds(
  bus: NodeBus,
  hearers: { credential(event: DeviceEvent): void; application(id: string): void },
): void {
  bus.hear('credential-ended', (body) => {
    if (Value.Check(CredentialEnded, body)) hearers.credential(body)
  })
  bus.hear('key-ended', (body) => {
    if (typeof body === 'string') hearers.application(body)
  })
}
