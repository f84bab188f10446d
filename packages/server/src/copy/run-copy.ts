import { openStores } from '../parts/stores.ts'
import { SettingsError } from '../settings/settings-error.ts'
import type { Settings } from '../settings/settings.ts'
import { copyStores, type CopyStep } from './copy.ts'

export type CopyRoute = 'to-mongodb' | 'to-embedded'

/** Between two lines where nobody sees a line that is written over. */
const LOG_EVERY_MS = 10_000
const BAR_EVERY_MS = 100
const BAR_WIDTH = 30
const REMAINING_AFTER_MS = 2_000

const titles: Record<CopyStep, string> = {
  telemetry: 'points',
  tail: 'points that sinks wait for',
  registry: 'documents',
  checking: 'points read back',
}

/** Copies between the data folder and MongoDB, and says how far it is; answers what came of it, for the terminal. */
export async function runCopy(route: CopyRoute, settings: Settings): Promise<string> {
  const { data, durability, mongodbUrl } = settings
  if (mongodbUrl === undefined) {
    throw new SettingsError('MONGODB_URL', 'is not set', 'give the address of the MongoDB to copy from or into')
  }
  const fatal = (error: Error): never => {
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
  const embedded = await openStores({ data, durability }, fatal)
  try {
    const mongodb = await openStores({ data, durability, mongodbUrl }, fatal)
    try {
      const [from, to] = route === 'to-mongodb' ? [embedded, mongodb] : [mongodb, embedded]
      const { points, documents } = await copyStores({ from, to, onProgress: createBar(process.stderr) })
      process.stderr.write('\n')
      return [
        `Copied and read back: ${points.count} points, SHA-256 ${points.sha256}`,
        `                      ${documents.count} documents, SHA-256 ${documents.sha256}`,
        route === 'to-mongodb' ? 'Start Patchbay with MONGODB_URL.' : 'Start Patchbay without MONGODB_URL.',
      ].join('\n')
    } finally {
      await mongodb.close()
    }
  } finally {
    await embedded.close()
  }
}

/** A line that is written over in a terminal, a line now and then elsewhere. */
function createBar(out: NodeJS.WriteStream): (step: CopyStep, done: number, all: number) => void {
  let toldMs = 0
  let told: CopyStep | undefined
  let first = { ms: 0, done: 0 }
  return (step, done, all) => {
    const nowMs = performance.now()
    const over = step !== told
    if (over) first = { ms: nowMs, done }
    if (!over && done < all && nowMs - toldMs < (out.isTTY ? BAR_EVERY_MS : LOG_EVERY_MS)) return
    const share = all === 0 ? 1 : Math.min(1, done / all)
    const full = Math.round(share * BAR_WIDTH)
    const line = `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)} ${Math.floor(share * 100)} %  ${done} ${titles[step]}${toRemaining(nowMs - first.ms, done - first.done, all - done)}`
    if (out.isTTY) out.write(`${over && told ? '\n' : ''}\r\u001b[K${line}`)
    else out.write(`${line}\n`)
    toldMs = nowMs
    told = step
  }
}

/** About how long the rest of a step takes, once that can be said. */
function toRemaining(tookMs: number, done: number, left: number): string {
  if (tookMs < REMAINING_AFTER_MS || done <= 0 || left <= 0) return ''
  const seconds = Math.ceil((tookMs * left) / done / 1000)
  return seconds < 120 ? `, about ${seconds} s left` : `, about ${Math.ceil(seconds / 60)} min left`
}
