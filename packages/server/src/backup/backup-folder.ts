import { type ChildProcess, spawn } from 'node:child_process'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BackupView } from '@patchbay/contracts/backup'
import type { Clock } from '@patchbay/core/clock'
import type { Log } from '@patchbay/sdk'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { RestError } from '../rest/errors.ts'
import { BackupError } from './errors.ts'
import { readManifest } from './manifest.ts'

const operate = fileURLToPath(new URL('../operate.ts', import.meta.url))
const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
/** Of what the command said; its last words are the reason. */
const maxSaidChars = 4000
const maxListed = 1000
/** What a running one says of itself. */
const Told = Type.Object({ share: Type.Number({ minimum: 0, maximum: 1 }) })
const LEAST_SHARE = 0.02
const LEAST_MS = 2_000

export interface BackupFolder {
  /** Newest first. */
  list(): Promise<BackupView[]>
  /** Begins one; what came of it is in the list. */
  start(): Promise<BackupView>
  remove(id: string): Promise<void>
  /** Ends one that is being made: it is as if it had not been begun. */
  close(): Promise<void>
}

export interface BackupFolderOptions {
  /** PATCHBAY_BACKUPS. */
  folder: string
  data: string
  env: Readonly<Record<string, string | undefined>>
  clock: Clock
  log: Log
}

interface Running {
  view: BackupView
  /** With how far it is. */
  show(): BackupView
  child: ChildProcess
  ended: Promise<void>
}

/** Backups of the running platform, each made by a process of its own: it holds up no thread here, and its death is none of ours. */
export function createBackupFolder({ folder, data, env, clock, log }: BackupFolderOptions): BackupFolder {
  let running: Running | undefined
  let failed: BackupView | undefined
  const nowIso = (): string => new Date(clock.nowMicros() / 1000).toISOString()

  async function read(id: string): Promise<BackupView | undefined> {
    try {
      const { at, files, version, encryption, masterKey } = await readManifest(join(folder, id))
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
      const facts = { at, bytes, files: files.length, version, encrypted: encryption !== undefined, masterKey }
      return { id, state: 'done', ...facts }
    } catch (error) {
      // Something else that lies there, or a backup that cannot be restored here.
      if (error instanceof BackupError && error.code !== 'BACKUP_NEWER') return undefined
      if (error instanceof BackupError) return { id, state: 'failed', detail: error.message }
      throw error
    }
  }

  async function names(): Promise<string[]> {
    try {
      const entries = await readdir(folder, { withFileTypes: true })
      return entries.filter((each) => each.isDirectory() && idPattern.test(each.name)).map(({ name }) => name)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
      throw error
    }
  }

  function begin(id: string): Running {
    const view: BackupView = { id, state: 'running', startedAt: nowIso() }
    const child = spawn(process.execPath, [operate, 'backup', join(folder, id)], {
      env: { ...env, PATCHBAY_DATA: data },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let share: number | undefined
    const begunMs = performance.now()
    child.on('message', (message) => {
      if (Value.Check(Told, message)) ({ share } = message)
    })
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-maxSaidChars)
    })
    const ended = new Promise<void>((resolve) => {
      const end = (detail: string | undefined): void => {
        running = undefined
        failed = detail === undefined ? undefined : { ...view, state: 'failed', detail }
        if (detail === undefined) log.info('a backup was made', { backup: id })
        else log.error('a backup could not be made', { backup: id, reason: detail })
        resolve()
      }
      child.once('error', (error) => end(error.message))
      child.once('close', (code, signal) =>
        end(code === 0 ? undefined : said.trim().split('\n').at(-1) || `it ended by ${signal ?? `exit code ${code}`}`),
      )
    })
    const show = (): BackupView => {
      if (share === undefined) return view
      const elapsedMs = performance.now() - begunMs
      // Of less nothing can be said.
      const isEarly = share < LEAST_SHARE || elapsedMs < LEAST_MS
      const remainingSeconds = Math.ceil((elapsedMs * (1 - share)) / share / 1000)
      return { ...view, progress: share, ...(isEarly ? {} : { remainingSeconds }) }
    }
    return { view, show, child, ended }
  }

  return {
    async list() {
      const done: BackupView[] = []
      for (const id of (await names()).sort().reverse().slice(0, maxListed)) {
        // It has its name a moment before its process ends.
        const view = id === running?.view.id ? undefined : await read(id)
        if (view) done.push(view)
      }
      return [...(running ? [running.show()] : []), ...(failed ? [failed] : []), ...done]
    },
    async start() {
      if (running) throw new RestError('BACKUP_RUNNING', `${running.view.id} is being made. Wait until it is done.`)
      failed = undefined
      running = begin(nowIso().replaceAll(/[-:]|\.\d+/g, ''))
      return running.view
    },
    async remove(id) {
      if (!idPattern.test(id) || id === running?.view.id || !(await read(id)))
        throw new RestError('BACKUP_UNKNOWN', `There is no backup ${id}.`)
      await rm(join(folder, id), { recursive: true })
    },
    async close() {
      const last = running
      if (!last) return
      last.child.kill()
      await last.ended
      await rm(join(folder, `${last.view.id}.part`), { recursive: true, force: true })
    },
  }
}
