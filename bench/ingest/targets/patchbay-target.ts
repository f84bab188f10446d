import { type Patchbay, startPatchbay } from '../../host/patchbay.ts'
import type { Login } from '../../load/wire.ts'
import { clientIds, type Target } from './target.ts'

const importAtOnce = 5000

export async function startPatchbayTarget(
  nodeFlags: readonly string[] = [],
): Promise<Target & Pick<Patchbay, 'metrics'>> {
  return toTarget(await startPatchbay(nodeFlags))
}

export function toTarget(patchbay: Patchbay): Target & Pick<Patchbay, 'metrics'> {
  const known: Login[] = []
  return {
    name: 'patchbay',
    host: '127.0.0.1',
    port: patchbay.port,
    pids: [patchbay.program.pid],
    lagMs: 0,
    metrics: () => patchbay.metrics(),
    async logins(count) {
      while (known.length < count) {
        const ids = clientIds(Math.min(count, known.length + importAtOnce)).slice(known.length)
        known.push(...(await patchbay.addDevices(ids)))
      }
      return known.slice(0, count)
    },
    async newest(device) {
      const latest = await patchbay.get(`/api/v1/devices/${device}/latest`)
      const point: unknown = typeof latest === 'object' && latest !== null ? Reflect.get(latest, 'probe') : undefined
      const value: unknown = typeof point === 'object' && point !== null ? Reflect.get(point, 'value') : undefined
      return typeof value === 'number' ? value : undefined
    },
    stored: async () => (await patchbay.metrics())('patchbay_ingest{', 'what="messages"'),
    stop: () => patchbay.stop(),
  }
}
