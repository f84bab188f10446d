import type { Command } from '@patchbay/contracts/command'
import { refuse } from '../errors.ts'
import { equal, isDocument } from '../merge.ts'
import { valueFault } from './command-value.ts'
import { commandLimits } from './limits.ts'
import type { OpenCommands } from './open-commands.ts'

interface ReplyContext {
  open: OpenCommands
  find: (device: string, id: string) => Promise<Command | undefined>
  isoNow: () => string
}

type Outcome = { state: 'succeeded'; result?: unknown } | { state: 'failed'; error: string }

/**
 * Ends a command by its device's word. The same reply once more, as after a lost acknowledgement, is accepted and changes nothing; any
 * other late one is refused.
 */
export async function answerReply(
  { open, find, isoNow }: ReplyContext,
  device: string,
  id: string,
  payload: unknown,
): Promise<void> {
  const { state, ...more } = toOutcome(payload)
  const live = open.find(device, id)
  if (live && (await open.move(live, state, { ...more, endedAt: isoNow() }))) return
  const command = await find(device, id)
  const same =
    command?.state === state && equal({ result: command.result, error: command.error }, { ...nothing, ...more })
  if (!same) throw refuse('COMMAND_UNKNOWN')
}

const nothing = { result: undefined, error: undefined }

function toOutcome(payload: unknown): Outcome {
  if (!isDocument(payload) || typeof payload['ok'] !== 'boolean') {
    throw refuse('PAYLOAD_INVALID', 'A reply is {"ok": true, "result"} or {"ok": false, "error"}.')
  }
  const fault = valueFault(payload)
  if (fault) throw refuse('PAYLOAD_INVALID', fault)
  const { ok, result, error } = payload
  if (ok) return result === undefined ? { state: 'succeeded' } : { state: 'succeeded', result }
  const text = typeof error === 'string' ? error : error === undefined ? 'failed' : JSON.stringify(error)
  return { state: 'failed', error: text.slice(0, commandLimits.errorLength) }
}
