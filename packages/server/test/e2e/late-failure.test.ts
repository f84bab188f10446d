import { once } from 'node:events'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startInProcess } from '../harness/in-process.ts'
import { makeDataFolder } from '../harness/server-process.ts'

/** Threads, sockets that listen and files that are watched; timers are the test's own, too. */
const handles = (): string[] =>
  process.getActiveResourcesInfo().filter((name) => /Port|Server|UDP|FSEvent|StatWatcher|TLS/.test(name))

test(
  'a start that fails late closes what it had opened, and the next one finds all of it',
  { timeout: 60_000 },
  async () => {
    const data = await makeDataFolder()
    onTestFinished(() => data.remove())
    // Loaded and compiled once, so that what is counted is of the starts alone.
    await (await startInProcess({ data: data.path })).close()

    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' && address ? String(address.port) : ''
    const before = handles()
    await expect(startInProcess({ data: data.path, env: { PATCHBAY_PORT: port } })).rejects.toThrow(port)
    await vi.waitFor(() => expect(handles()).toEqual(before), 5_000)
    taken.close()

    // Early on, when little but the stores is open.
    const key = join(data.path, 'master.key')
    const kept = await readFile(key)
    await writeFile(key, 'no key')
    const beforeKey = handles()
    await expect(startInProcess({ data: data.path })).rejects.toThrow(/master\.key/)
    await vi.waitFor(() => expect(handles()).toEqual(beforeKey), 5_000)
    await writeFile(key, kept)

    // In the middle of the stores.
    const registry = join(data.path, 'registry.sqlite')
    await rename(registry, `${registry}.kept`)
    await writeFile(registry, 'no database at all, and longer than the header of one would be: '.repeat(4))
    const beforeStores = handles()
    await expect(startInProcess({ data: data.path })).rejects.toThrow(/registry\.sqlite|database/)
    await vi.waitFor(() => expect(handles()).toEqual(beforeStores), 5_000)
    await rename(`${registry}.kept`, registry)

    const server = await startInProcess({ data: data.path })
    await server.close()
  },
)
