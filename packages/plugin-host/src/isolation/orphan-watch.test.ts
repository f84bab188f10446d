import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'

/** A process that has ended and is kept by whoever should have waited for it is gone, too. */
const isAlive = async (pid: number): Promise<boolean> => {
  try {
    process.kill(pid, 0)
  } catch {
    return false // There is none with this id.
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return !/\) [ZX] /.test(stat)
}
const fixture = fileURLToPath(new URL('../../test/orphan-process.ts', import.meta.url))

test.skipIf(process.platform === 'win32')(
  'a plugin in an endless loop does not outlive a platform that is killed with -9',
  { timeout: 60_000 },
  async () => {
    const host = spawn(process.execPath, [fixture], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [said] = await once(createInterface(host.stdout), 'line')
    const pid = Number(said)
    expect(await isAlive(pid)).toBe(true)
    // It loops by now: it would not notice by itself that its pipe is closed.
    await wait(300)
    const gone = once(host, 'exit')
    host.kill('SIGKILL')
    await gone
    const fromMs = performance.now()
    await vi.waitFor(async () => expect(await isAlive(pid)).toBe(false), { timeout: 5_000, interval: 20 })
    console.log(`orphan: gone ${(performance.now() - fromMs).toFixed(0)} ms after its platform`)
  },
)

test.skipIf(process.platform === 'win32')('a process that is not watched any more is left alone', async () => {
  const code = `
    import { watchOrphan } from ${JSON.stringify(new URL('./orphan-watch.ts', import.meta.url).href)}
    const [kept, ended, left] = process.argv.slice(1).map(Number)
    watchOrphan(ended)
    const unwatch = watchOrphan(left)
    watchOrphan(kept)()
    unwatch()
    watchOrphan(kept)
    console.log('watched')`
  const sleepers: ChildProcess[] = [0, 1, 2].map(() => spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)']))
  try {
    const [kept, ended, left] = sleepers.map(({ pid }) => pid ?? 0)
    if (!kept || !ended || !left) throw new Error('a sleeper did not start')
    const exits = [sleepers[0], sleepers[1]].map((child) => child && once(child, 'exit'))
    const host = spawn(process.execPath, ['--input-type=module', '-e', code, `${kept}`, `${ended}`, `${left}`])
    // It comes to its end: the watcher does not hold it.
    await once(host, 'exit')
    await Promise.all(exits)
    expect([await isAlive(kept), await isAlive(ended), await isAlive(left)]).toEqual([false, false, true])
  } finally {
    for (const child of sleepers) child.kill('SIGKILL')
  }
})
