import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createApi } from '../harness/api.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'

const devices = 1000
const pointsPerDevice = 1000
const idleRssLimitMb = 200
const startLimitMs = 3000
const settleMs = 15_000

const rssMb = async (pid: number | undefined): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

test(
  'with 1,000 devices and 1 million points it listens within 3 s and idles within 200 MB',
  { timeout: 180_000 },
  async () => {
    const data = await makeDataFolder()
    try {
      let server = await startServer({ data: data.path, isCold: true })
      // One folder: what the warm-up has compiled is what the server reads. Other flags or versions would make a second one.
      expect(await readdir(join(data.path, 'cache', 'compile'))).toHaveLength(1)
      const api = createApi(server.url)
      const lines = Array.from({ length: devices }, (_, i) => `d-${i},Device ${i},default,fleet`)
      const imported = await fetch(`${server.url}/api/v1/devices/import`, {
        method: 'POST',
        headers: { authorization: `Bearer test-key-of-the-suites-0123456789abcdef`, 'content-type': 'text/csv' },
        body: `id,name,type,tags\n${lines.join('\n')}\n`,
      })
      expect(imported.status).toBe(200)
      const report = (await imported.json()) as {
        items: { ok: boolean; id: string; credentials: { password: string } }[]
      }
      expect(report.items.filter((line) => line.ok)).toHaveLength(devices)

      const base = Date.now() - pointsPerDevice * 1000
      await Promise.all(
        Array.from({ length: 8 }, async (_, lane) => {
          for (let i = lane; i < devices; i += 8) {
            const line = report.items[i]!
            const rows = Array.from({ length: pointsPerDevice }, (_, n) => ({
              ts: base + n * 1000,
              values: { temperature: 20 + (n % 100) / 10 },
            }))
            const sent = await fetch(`${server.url}/v1/devices/${line.id}/telemetry`, {
              method: 'POST',
              headers: {
                authorization: `Basic ${btoa(`${line.id}:${line.credentials.password}`)}`,
                'content-type': 'application/json',
              },
              body: JSON.stringify(rows),
            })
            if (sent.status !== 204) throw new Error(`${line.id}: ${sent.status} ${await sent.text()}`)
          }
        }),
      )
      expect((await api.get('/api/v1/system/storage')).body.telemetry.points).toBe(devices * pointsPerDevice)
      expect((await server.stop()).code).toBe(0)

      server = await startServer({ data: data.path })
      const startMs = server.startMs
      expect((await createApi(server.url).get('/readyz')).body).toMatchObject({ ready: true })
      // Idle = the heap has settled: V8 gives pages back some 8 s after the collection that ends the start.
      let idle = Number.POSITIVE_INFINITY
      for (const until = Date.now() + settleMs; Date.now() < until;) {
        idle = Math.min(idle, await rssMb(server.child.pid))
        await new Promise((resolve) => setTimeout(resolve, 250))
      }
      console.log(
        `second start with 1,000 devices and 1 million points: ${Math.round(startMs)} ms, idle RSS ${Math.round(idle)} MB`,
      )
      await server.stop()
      expect(startMs).toBeLessThan(startLimitMs)
      expect(idle).toBeLessThan(idleRssLimitMb)
    } finally {
      await data.remove()
    }
  },
)
