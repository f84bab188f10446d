import { setTimeout as wait } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { createDeviceHttp } from '../harness/mqtt-client.ts'
import { createRandom, isLong } from '../harness/random.ts'
import { makeDataFolder, type ServerProcess, startServer } from '../harness/server-process.ts'

const rounds = isLong ? 100 : 5
const devices = 4
const killBetweenMs = { least: 200, most: 900 }
/** The value counts on; half of each ten readings are above the line. */
const period = 10
const isAbove = (n: number): boolean => n % period >= period / 2
/** Apart enough in the readings' own time that nobody takes it for a loop. */
const spacingMs = 3000

/** How often the condition was met, over all alerts: raises in quick succession are counted by one that flaps. */
async function toldOf(api: Api, device: string): Promise<number> {
  let raised = 0
  let cursor: string | undefined
  do {
    const query = new URLSearchParams({ device, rule: 'line', limit: '200', ...(cursor ? { cursor } : {}) })
    const { body } = await api.get(`/api/v1/alerts?${query}`)
    for (const alert of body.items) {
      raised += alert.count
    }
    cursor = body.nextCursor
  } while (cursor)
  return raised
}

/** Publishes one after the other until the server is gone; what was not acknowledged is sent again in the next life. */
async function publish(server: ServerProcess, device: TestDevice, next: number, baseMs: number): Promise<number> {
  const send = createDeviceHttp(server.url, device)
  for (let n = next; ; n++) {
    try {
      const { status } = await send(`devices/${device.id}/telemetry`, {
        ts: baseMs + n * spacingMs,
        values: { n, above: isAbove(n) },
      })
      if (status !== 204) throw new Error(`answered ${status}`)
    } catch {
      // the server was killed: from here on in its next life
      return n
    }
  }
}

test(`no raise is lost or doubled by ${rounds} × kill -9`, { timeout: rounds * 15_000 + 60_000 }, async () => {
  const random = createRandom('rules kill')
  const data = await makeDataFolder()
  const baseMs = Date.now() - 20 * 86_400_000
  try {
    let server = await startServer({ data: data.path })
    let api = createApi(server.url)
    const all: TestDevice[] = []
    for (let i = 0; i < devices; i++) all.push(await createDevice(api, `dev-${i}`))
    const made = await api.post('/api/v1/rules', {
      id: 'line',
      name: 'Above the line',
      levels: [{ severity: 'major', when: 'above == true' }],
    })
    expect(made.status).toBe(201)
    const next = all.map(() => 0)
    for (let round = 0; round < rounds; round++) {
      if (round > 0) server = await startServer({ data: data.path })
      const { child } = server
      const under = all.map((device, i) => publish(server, device, next[i] ?? 0, baseMs))
      await wait(killBetweenMs.least + random.next() * (killBetweenMs.most - killBetweenMs.least))
      child.kill('SIGKILL')
      await server.kill()
      for (const [i, n] of (await Promise.all(under)).entries()) next[i] = n
    }
    server = await startServer({ data: data.path })
    api = createApi(server.url)
    // A last reading below the line ends whatever is open, so that nothing is still on its way.
    let sent = 0
    let raised = 0
    for (const [i, device] of all.entries()) {
      let n = next[i] ?? 0
      for (let above = true; above; n++) {
        above = isAbove(n)
        const values = { n, above }
        const answer = await createDeviceHttp(server.url, device)(`devices/${device.id}/telemetry`, {
          ts: baseMs + n * spacingMs,
          values,
        })
        expect(answer.status).toBe(204)
      }
      sent += n
      const wanted = Array.from({ length: n }, (_, at) => at).filter((at) => at % period === period / 2).length
      raised += wanted
      await vi.waitFor(async () => expect(await toldOf(api, device.id)).toBe(wanted), {
        timeout: 15_000,
        interval: 250,
      })
    }
    console.log(
      `rules kill: ${rounds} × kill -9, ${sent} readings, ${raised} raises, none lost or doubled, seed ${random.seed}`,
    )
    expect(raised).toBeGreaterThan(rounds)
    await server.stop()
  } finally {
    await data.remove()
  }
})
