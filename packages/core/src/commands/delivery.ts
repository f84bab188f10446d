import type { OpenCommand } from './open-commands.ts'
import type { Delivery } from '@patchbay/contracts/session'
import { topics } from '../topic.ts'

/** A live subscription of a device's own that commands can be written to. */
export interface CommandOutlet {
  /** Each session is handed a command once, unless it did not take it. */
  readonly session: object
  /** Its filter and rights cover the topic. */
  accepts(topic: string): boolean
  deliver(message: Delivery): void | Promise<void>
}

export function toDelivery({ command }: OpenCommand): Delivery {
  const { name, params } = command
  const bytes = Buffer.from(JSON.stringify(params === undefined ? { name } : { name, params }))
  return { topic: topics.command(command.device, command.id), bytes, qos: 1, retain: false }
}
