import { cpus, freemem, loadavg, release, totalmem } from 'node:os'
import { gzipSync } from 'node:zlib'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { toTar } from '@patchbay/plugin-host/packages/pack'
import { readProductVersion } from '../backup/manifest.ts'
import { diagnose } from '../doctor/doctor.ts'
import type { Settings } from '../settings/settings.ts'
import { createScrubber } from './scrub.ts'
import { secretsOfSettings, showSettings } from './shown-settings.ts'

const maxListedFiles = 2000
const readme = `What is in here, for whoever helps you: versions, settings without secrets, what the doctor found, and, of a running
platform, its state, metrics and last log lines. Names and addresses of your devices may stand in log lines: look before you send it.
`

export interface ArchiveParts {
  settings: Settings
  env: Readonly<Record<string, string | undefined>>
  nowMs: number
  /** More files, of a platform that runs. */
  more?: readonly { path: string; text: string }[]
  /** More secrets that must not be in it. */
  secrets?: readonly string[]
}

const aboutHere = (nowMs: number): Record<string, unknown> => ({
  product: 'patchbay',
  version: readProductVersion(),
  at: new Date(nowMs).toISOString(),
  node: process.versions,
  platform: `${process.platform}-${process.arch} ${release()}`,
  cpus: cpus().length,
  load: loadavg(),
  memoryBytes: { total: totalmem(), free: freemem() },
})

/** Names and sizes: what grows, and what is there at all. */
async function listFiles(data: string): Promise<{ path: string; bytes: number }[]> {
  const found: { path: string; bytes: number }[] = []
  try {
    for (const entry of await readdir(data, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (!entry.isFile() || path.includes('/cache/')) continue
      if (found.length >= maxListedFiles) break
      found.push({ path: path.slice(data.length + 1), bytes: (await stat(path)).size })
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  return found
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

/** One `.tar.gz` in the folder `patchbay-diagnostics`, without secrets. */
export async function createArchive({ settings, env, nowMs, more = [], secrets = [] }: ArchiveParts): Promise<Buffer> {
  const scrub = createScrubber([...secretsOfSettings(settings), ...secrets])
  const files = [
    { path: 'README.txt', text: readme },
    { path: 'about.json', text: json(aboutHere(nowMs)) },
    { path: 'settings.json', text: json(showSettings(settings)) },
    { path: 'doctor.json', text: json(await diagnose(env)) },
    { path: 'files.json', text: json(await listFiles(settings.data)) },
    ...more,
  ]
  return gzipSync(
    toTar(files.map(({ path, text }) => ({ path: `patchbay-diagnostics/${path}`, bytes: Buffer.from(scrub(text)) }))),
  )
}
