import { readFileSync } from 'node:fs'

/** Of Linux: USER_HZ has been 100 on every architecture for long. */
const ticksPerSecond = 100

/** CPU seconds that a process has used until now, kernel time included, as Linux counts them. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in parentheses may hold spaces; utime and stime are the 12th and 13th after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}
