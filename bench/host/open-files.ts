import { openFileLimit } from './usage.ts'

/** Besides the connections: files, timers, the other end's listeners. */
const spare = 300

/** Says what is in the way before half of the connections are made. */
export function checkOpenFiles(connections: number): void {
  const most = openFileLimit(process.pid)
  if (most >= connections + spare) return
  throw new Error(
    `${connections} connections need ${connections + spare} open files in one process, and this shell permits ${most}. ` +
      `Run "ulimit -n ${connections + spare}" first, or ask for fewer connections.`,
  )
}
