import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/** What Linux says of a process: the whole of it, threads included. */

/** `utime` and `stime` are in clock ticks; Linux shows 100 of them a second to programs, whatever the kernel's own rate. */
const microsPerTick = 10_000

/** CPU time so far, in µs. 0 for a process that is gone. */
export const cpuMicros = (pid: number): number => cpuOf(readProc(pid, 'stat'))

/** CPU time so far of the threads of a process, in µs, by the name they give themselves; the first is the main one. */
export function threadCpuMicros(pid: number): Map<string, number> {
  const byName = new Map<string, number>()
  for (const thread of orNothing(() => readdirSync(`/proc/${pid}/task`)) ?? []) {
    const name = Number(thread) === pid ? 'main' : readProc(pid, `task/${thread}/comm`).trim()
    byName.set(name, (byName.get(name) ?? 0) + cpuOf(readProc(pid, `task/${thread}/stat`)))
  }
  return byName
}

function cpuOf(stat: string): number {
  // The program's name stands in parentheses and may hold anything, so fields are counted from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * microsPerTick
}

/** Memory that is really held, in KiB. */
export const rssKib = (pid: number): number => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readProc(pid, 'status'))?.[1] ?? 0)

/** Files and sockets a process may have open. */
export function openFileLimit(pid: number): number {
  const most = /^Max open files\s+(\S+)/m.exec(readProc(pid, 'limits'))?.[1]
  return most === undefined || most === 'unlimited' ? Number.POSITIVE_INFINITY : Number(most)
}

/** Who listens on a TCP port of this machine; undefined when it is elsewhere or another user's. */
export function listenerOf(port: number): number | undefined {
  const listening = '0A'
  const inodes = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readText(table).split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
      if (state === listening && Number.parseInt(local.split(':')[1] ?? '', 16) === port && inode) inodes.add(inode)
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => socketsOf(pid).some((inode) => inodes.has(inode)))
}

/** Empty for a process that ended meanwhile, or belongs to somebody else. */
function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  const names = orNothing(() => readdirSync(folder)) ?? []
  return names.flatMap((name) => {
    const link = orNothing(() => readlinkSync(`${folder}/${name}`)) ?? ''
    return /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []
  })
}

const readProc = (pid: number, name: string): string => readText(`/proc/${pid}/${name}`)

const readText = (path: string): string => orNothing(() => readFileSync(path, 'utf8')) ?? ''

/** Processes end and close files while one looks at them: what is gone uses nothing. */
function orNothing<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    // gone, as said above
    return undefined
  }
}
