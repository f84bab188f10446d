import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createCrew } from '../load/crew.ts'
import { toTable, toText } from '../table.ts'
import { toCases } from './compare.ts'
import type { IngestOptions } from './options.ts'
import { readProfile, walkSamples } from './profile.ts'
import { type Case, type Measured, runRound, warmUp } from './round.ts'
import { idle, isMainThread, stageOf } from './stage-rules.ts'
import { startPatchbayTarget } from './targets/patchbay-target.ts'

/** Runs each case once on a server that profiles itself, and tells where its CPU time went. */
export async function showStages(options: IngestOptions, say: (line: string) => void): Promise<boolean> {
  let good = true
  const [clients = 0] = options.clients
  for (const what of toCases(options)) {
    const folder = await profileFolder(options, what)
    try {
      const measured = await runProfiled(what, clients, options, folder)
      for (const trouble of measured.troubles) say(`TROUBLE ${what.name}: ${trouble}`)
      good &&= measured.troubles.length === 0
      say(`\n${what.name}, ${what.perSecond}/s, ${clients} clients: ${measured.cpuMicrosPerMessage.toFixed(1)} µs/msg`)
      say(await toStageTable(folder, measured))
    } finally {
      if (options.profileFolder === undefined) await rm(folder, { recursive: true, force: true })
    }
  }
  return good
}

async function profileFolder({ profileFolder: kept }: IngestOptions, { kind, qos }: Case): Promise<string> {
  if (kept === undefined) return mkdtemp(join(tmpdir(), 'patchbay-profile-'))
  const folder = resolve(kept, `${kind}-${qos}`)
  await mkdir(folder, { recursive: true })
  return folder
}

async function runProfiled(what: Case, clients: number, options: IngestOptions, folder: string): Promise<Measured> {
  const target = await startPatchbayTarget(['--cpu-prof', `--cpu-prof-dir=${folder}`])
  const crew = createCrew(options.processes)
  try {
    await crew.connect(target, await target.logins(clients))
    await warmUp(target, crew, what, options.warmUpSeconds)
    return await runRound(target, crew, what, options.seconds)
  } finally {
    crew.end()
    // The profiles are written at the end of the process.
    await target.stop()
  }
}

/** Threads beside the main one, as they call themselves. */
const threadNames: Readonly<Record<string, string>> = {
  WorkerThread: 'worker threads: SQLite commits and reads',
  V8Worker: 'V8 threads: collection, compiling',
  'libuv-worker': 'libuv threads',
}

/**
 * Samples count wall time, so those of the main thread are scaled to the CPU time it has used; the other threads are told by the
 * kernel alone.
 */
async function toStageTable(folder: string, { window, threadMicrosPerMessage }: Measured): Promise<string> {
  const samples = new Map<string, number>()
  for (const file of await readdir(folder)) {
    const profile = readProfile(join(folder, file))
    if (!isMainThread(profile)) continue
    walkSamples(profile, window, (stack, micros) => {
      const stage = stageOf(stack)
      if (stage !== idle) samples.set(stage, (samples.get(stage) ?? 0) + micros)
    })
  }
  const sampled = [...samples.values()].reduce((sum, micros) => sum + micros, 0)
  const stages: [string, number][] = [...samples].map(([stage, micros]) => [
    stage,
    (micros / sampled) * (threadMicrosPerMessage.get('main') ?? 0),
  ])
  for (const [name, micros] of threadMicrosPerMessage) {
    if (name !== 'main' && micros > 0) stages.push([threadNames[name] ?? `threads called ${name}`, micros])
  }
  const all = stages.reduce((sum, [, micros]) => sum + micros, 0)
  const rows = stages
    .toSorted(([, a], [, b]) => b - a)
    .map(([stage, micros]) => [stage, toText(micros, 2), `${toText((micros / all) * 100, 1)} %`])
  return toTable(['stage', 'µs/msg', 'share'], rows)
}
