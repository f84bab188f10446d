import type { Delivery, RefusedError, Session } from '@patchbay/contracts/session'
import type { NewRefusal, Subject } from '../access/port.ts'
import type { DeviceIngest } from '../ingest/device-ingest.ts'
import { Refused } from '../refused.ts'

/** Who publishes: a session, a will after its session, or a person at the REST API. */
export interface Publisher {
  readonly principal: Session['principal']
  readonly protocol: string
  readonly address: string
  readonly clientId: string | undefined
  /** `all` is a person who may publish everything. */
  readonly subject: Subject | 'all'
  /** The ingest record of a device, held until this publisher goes. Rejects with `Refused` when there is no such device. */
  ingestOf(device: string): DeviceIngest | Promise<DeviceIngest>
  /** Where an answer to this publisher alone goes, if it has subscribed to one. */
  outletOf?(topic: string): ((answer: Delivery) => void) | undefined
}

/** The refusal as `/api/v1/refusals` lists it. */
export function toNewRefusal(
  who: Pick<Publisher, 'principal' | 'protocol' | 'address' | 'clientId'>,
  action: NewRefusal['action'],
  topic: string,
  refused: RefusedError,
): NewRefusal {
  const { principal, protocol, address, clientId } = who
  const device = principal.kind === 'device' ? principal.id : undefined
  return toRefusalFields({ device, protocol, address, clientId, action, topic }, refused)
}

export function toRefusalFields(
  who: {
    device: string | undefined
    protocol: string
    address: string
    clientId: string | undefined
    action: NewRefusal['action']
    topic: string | undefined
  },
  refused: RefusedError,
): NewRefusal {
  const { device, protocol, address, clientId, action, topic } = who
  const rule = refused instanceof Refused ? refused.rule : undefined
  return {
    ...(device === undefined ? {} : { device }),
    protocol,
    address,
    ...(clientId === undefined ? {} : { clientId }),
    action,
    ...(topic === undefined ? {} : { topic }),
    step: refused.step,
    ...(rule === undefined ? {} : { rule }),
    code: refused.code,
    detail: refused.message,
  }
}
