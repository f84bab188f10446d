import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { toText } from '@patchbay/plugin-host/errors'
import { readManifest } from '@patchbay/plugin-host/manifest/read'
import { watchFolder } from '@patchbay/plugin-host/packages/watch'
import type { Log } from '@patchbay/sdk'
import { buildPlugin } from './build-plugin.ts'

/** A server that has not stopped by then is ended. */
const stopMs = 15_000
const requestMs = 30_000
/** The plugin may be loaded so much later than the server listens; and how often that is looked at. */
const loadMs = 20_000
const againMs = 250
/** An editor's save may be several changes. */
const saveMs = 50

export interface DevOptions {
  folder: string
  /** A checkout of Patchbay, whose server runs the plugin. */
  server: string
  env: NodeJS.ProcessEnv
  /** The configuration of the instance that is made when there is none, as JSON in a file. */
  configFile?: string
  /** What a person at the terminal sees: the build's words and the server's log, as they come. */
  print(text: string): void
}

export interface DevServer {
  /** The server has ended: its exit code. */
  readonly ended: Promise<number>
  stop(): Promise<void>
}

/**
 * Runs the plugin on a server of its own: built again after each save and taken by the server as soon as it is built. What does not build
 * leaves what ran before. The server sees what would be packed and nothing else, so it does not load anew for a save before its build.
 */
export async function startDevServer(options: DevOptions): Promise<DevServer> {
  const { server, env, print } = options
  const root = resolve(options.folder)
  const { manifest } = await readManifest(join(root, 'plugin.json'))
  const { id } = manifest
  const home = join(homedir(), '.patchbay-dev', id)
  const linked = join(home, 'linked')

  /** Whole or not at all, since the server may look at any moment; and only what is new, since each change is a look. */
  const place = async (path: string): Promise<void> => {
    const bytes = await readFile(join(root, path))
    const target = join(linked, path)
    const before = await readFile(target).catch(() => undefined) // not there yet
    if (before?.equals(bytes) === true) return
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    const placing = join(home, 'placing')
    await writeFile(placing, bytes)
    await rename(placing, target)
  }
  const build = async (): Promise<void> => {
    const began = performance.now()
    await buildPlugin(root)
    const { entry, config, docs, icon } = manifest
    for (const path of ['plugin.json', 'package.json', entry, config, docs, icon])
      if (path !== undefined) await place(path)
    print(`built in ${Math.round(performance.now() - began)} ms`)
  }
  await rm(linked, { recursive: true, force: true })
  await mkdir(linked, { recursive: true, mode: 0o700 })
  await build()
  const config: unknown = options.configFile === undefined ? {} : JSON.parse(await readFile(options.configFile, 'utf8'))

  const key = env['PATCHBAY_API_KEY'] ?? randomBytes(24).toString('base64url')
  const child = spawn(process.execPath, [join(resolve(server), 'packages/server/src/start.js')], {
    env: {
      PATCHBAY_DATA: join(home, 'data'),
      ...env,
      PATCHBAY_API_KEY: key,
      PATCHBAY_HOST: '127.0.0.1',
      PATCHBAY_PLUGIN_POLICY: 'any',
      PATCHBAY_PLUGIN_LINKS: linked,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : 1))

  const openInstance = async (url: string): Promise<void> => {
    const address = `${url}/api/v1/plugins/${id}/instances/default`
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const signal = AbortSignal.timeout(requestMs)
    if ((await fetch(address, { headers, signal })).ok) return
    const put = (): Promise<Response> =>
      fetch(address, { method: 'PUT', headers, signal, body: JSON.stringify({ config }) })
    let made = await put()
    // A busy machine listens before the plugin is loaded: until then there is none of that name.
    for (
      const untilMs = performance.now() + loadMs;
      made.status === 404 && performance.now() < untilMs;
      made = await put()
    )
      await pause(againMs)
    print(made.ok ? `the instance default of ${id} is made` : `no instance was made: ${await made.text()}`)
  }
  let heard = ''
  const hear = (text: string): void => {
    print(text.trimEnd())
    if (heard === 'listening') return
    heard += text
    const url = /listening on (http\S+)/.exec(heard)?.[1]
    if (url === undefined) return
    heard = 'listening'
    print(`API key: ${key}`)
    openInstance(url).catch((error: unknown) => print(`no instance was made: ${toText(error)}`))
  }
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear)

  const rebuild = async (): Promise<void> => {
    try {
      await build()
    } catch (error) {
      print(`not built, what ran before goes on: ${toText(error)}`)
    }
  }
  const say = (message: string): void => print(message)
  const log: Log = { debug: say, info: say, warn: say, error: say }
  const unwatch = watchFolder(join(root, 'src'), rebuild, { log, recursive: true, waitMs: saveMs })
  return {
    ended,
    async stop() {
      await unwatch()
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), stopMs)
      await ended
      clearTimeout(late)
    },
  }
}
