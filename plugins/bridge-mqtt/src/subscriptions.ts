import type { ISubscription } from 'mqtt-packet'
import type { Plan } from './plan.ts'

/** What is asked of the broker: each filter once, at the highest QoS that it may have. */
export function toSubscriptions({ in: maps, preset }: Pick<Plan, 'in' | 'preset'>): ISubscription[] {
  const found = new Map<string, ISubscription>()
  for (const { filter, qos = 2 } of maps) {
    const most = qos <= preset.maxQos ? qos : preset.maxQos
    const known = found.get(filter)
    // [MQTT5-3.8.3.1] No Local: nothing of this side comes back; Retain As Published: what is retained is told as such, and only to a new subscription.
    if (!known || known.qos < most) found.set(filter, { topic: filter, qos: most, nl: true, rap: true, rh: 1 })
  }
  return [...found.values()]
}
