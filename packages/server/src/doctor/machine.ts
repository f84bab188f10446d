import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isLoopback } from '../settings/addresses.ts'
import { type Check, fail, type Finding, ok, warn } from './finding.ts'

const leastNodeMajor = 24
/** The code is from then or later: a clock that says less is wrong. */
const leastClockMs = Date.UTC(2026, 0, 1)
const clockSlackMs = 60_000
/** Each connection takes one. */
const fewFiles = 4096

async function findClock(data: string, nowMs: number): Promise<Finding> {
  const remedy = 'Set it by NTP before the start: times of points and alerts come from it.'
  if (nowMs < leastClockMs) return fail('clock', `it says ${new Date(nowMs).toISOString()}, which is past`, remedy)
  for (const name of ['telemetry.sqlite.hot', 'telemetry.sqlite-wal', 'registry.sqlite-wal', 'registry.sqlite']) {
    try {
      const { mtimeMs } = await stat(join(data, name))
      if (mtimeMs > nowMs + clockSlackMs)
        return warn('clock', `${name} was written ${Math.round((mtimeMs - nowMs) / 1000)} s in its future`, remedy)
    } catch {
      // Not there: the next one may be.
    }
  }
  return ok('clock', `it says ${new Date(nowMs).toISOString()}`)
}

async function findFileLimit(): Promise<Finding[]> {
  try {
    const limits = await readFile('/proc/self/limits', 'utf8')
    const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1])
    const text = `${soft} files and connections may be open at once`
    return [
      soft < fewFiles
        ? warn('open files', text, 'Raise it: ulimit -n, or LimitNOFILE of systemd.')
        : ok('open files', text),
    ]
  } catch {
    // Only Linux says it there.
    return []
  }
}

/** Node, the clock, and how many connections there may be. */
export const checkMachine: Check = async ({ settings, nowMs }) => {
  const major = Number(process.versions.node.split('.')[0])
  const node =
    major < leastNodeMajor
      ? fail(
          'Node',
          `this is ${process.version}`,
          `Use Node ${leastNodeMajor} or later, or start by npm, which brings it.`,
        )
      : ok('Node', `${process.version} on ${process.platform}-${process.arch}`)
  return [node, await findClock(settings.data, nowMs), ...(await findFileLimit())]
}

/** What is open that need not be. */
export const checkExposure: Check = async ({ settings }) => {
  const check = 'exposure'
  const { host, plain, durability, openTopics, publicUrl } = settings
  const findings: Finding[] = []
  if (!isLoopback(host) && plain === 'any')
    findings.push(
      warn(check, 'PATCHBAY_PLAIN is any: secrets cross every network openly', 'Set it to private or loopback.'),
    )
  if (durability === 'relaxed')
    findings.push(warn(check, 'PATCHBAY_DURABILITY is relaxed: a power cut may lose acknowledged data', 'Unset it.'))
  if (openTopics.length > 0)
    findings.push(warn(check, 'PATCHBAY_OPEN_TOPICS lets anonymous clients in', 'Unset it outside of a lab.'))
  if (!isLoopback(host) && publicUrl === undefined)
    findings.push(
      warn(check, 'PATCHBAY_PUBLIC_URL is not set: links in notifications and snippets lead nowhere', 'Set it.'),
    )
  return findings.length > 0 ? findings : [ok(check, 'nothing is open that need not be')]
}
