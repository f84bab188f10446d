import { Command, type CommandState } from '@patchbay/contracts/command'
import { Value } from 'typebox/value'
import type { Body } from '../registry/port.ts'

/** States only move forward: to a greater rank. The four ends share one, so that none follows another. */
const ranks: Record<CommandState, number> = {
  queued: 0,
  sent: 1,
  delivered: 2,
  succeeded: 3,
  failed: 3,
  expired: 3,
  cancelled: 3,
}

export const movesForward = (from: CommandState, to: CommandState): boolean => ranks[to] > ranks[from]

export const isEnded = (state: CommandState): boolean => ranks[state] === 3

/**
 * Where a command lies in the registry. No device id holds a slash, so one device's commands are those with its prefix, and they sort
 * by time.
 */
export const toDocumentId = (device: string, command: string): string => `${device}/${command}`

/** `open` beside the command lets a start find what is still to be done. */
export function toBody(command: Command): Body {
  return { ...command, open: !isEnded(command.state) }
}

export function toCommand(body: Body): Command | undefined {
  const { open: _open, ...command } = body
  return Value.Check(Command, command) ? command : undefined
}
