import type { Command, CommandState } from '@patchbay/contracts/command'
import type { RegistryStore } from '../registry/port.ts'
import { movesForward, isEnded, toBody, toCommand, toDocumentId } from './command-record.ts'

/** A command that has not ended, as it is kept in memory beside its document. */
export interface OpenCommand {
  command: Command
  /** Version of its document. */
  stored: number
  /** Its writes, one after the other. */
  writes: Promise<unknown>
  /** Sessions that it was handed to, until they fail: each gets it once. */
  readonly givenTo: WeakSet<object>
  ended: boolean
}

/** The open commands of all devices, and the one place that moves their states. */
export interface OpenCommands {
  readonly size: number
  of(device: string): OpenCommand[]
  find(device: string, id: string): OpenCommand | undefined
  /** Puts it under its device; it is durable already. */
  add(command: Command, stored: number): OpenCommand
  /**
   * Moves the state forward, durably; false when it has moved as far or further already. Rejects when the store cannot take it, and
   * then the state is as before.
   */
  move(open: OpenCommand, to: CommandState, more: Partial<Command>): Promise<boolean>
  /** Another node has ended it. */
  end(open: OpenCommand, command: Command): void
  /** Drops a device's commands from memory. */
  drop(device: string): void
}

const writeTries = 5

export function createOpenCommands(registry: RegistryStore, onMoved: (command: Command) => void): OpenCommands {
  const devices = new Map<string, Map<string, OpenCommand>>()
  let size = 0

  function remove(open: OpenCommand): void {
    open.ended = true
    const ofDevice = devices.get(open.command.device)
    if (!ofDevice?.delete(open.command.id)) return
    size--
    if (ofDevice.size === 0) devices.delete(open.command.device)
  }

  async function write(open: OpenCommand, to: CommandState, more: Partial<Command>): Promise<boolean> {
    for (let attempt = 0; attempt < writeTries; attempt++) {
      if (!movesForward(open.command.state, to)) return false
      const { device, id } = open.command
      const next: Command = { ...open.command, ...more, state: to }
      const put = await registry.put('commands', toDocumentId(device, id), toBody(next), open.stored)
      if (put.ok) {
        open.command = next
        open.stored = put.version
        if (isEnded(to)) remove(open)
        onMoved(next)
        return true
      }
      // Another node moved it: go on from what is there.
      const found = await registry.get('commands', toDocumentId(device, id))
      const command = found && toCommand(found.body)
      if (!command || isEnded(command.state)) {
        if (command) open.command = command
        remove(open)
        return false
      }
      open.command = command
      open.stored = found.version
    }
    return false
  }

  return {
    get size() {
      return size
    },
    of: (device) => [...(devices.get(device)?.values() ?? [])],
    find: (device, id) => devices.get(device)?.get(id),
    add(command, stored) {
      const open = { command, stored, writes: Promise.resolve(), givenTo: new WeakSet<object>(), ended: false }
      let ofDevice = devices.get(command.device)
      if (!ofDevice) devices.set(command.device, (ofDevice = new Map()))
      ofDevice.set(command.id, open)
      size++
      return open
    },
    move(open, to, more) {
      const run = open.writes.then(() => write(open, to, more))
      // The next write runs whatever becomes of this one; its own caller hears of the failure.
      open.writes = run.catch(() => undefined)
      return run
    },
    end(open, command) {
      open.command = command
      remove(open)
    },
    drop(device) {
      for (const open of devices.get(device)?.values() ?? []) remove(open)
    },
  }
}
