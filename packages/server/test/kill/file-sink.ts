import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, vi } from 'vitest'
import { type Api, readAll } from '../harness/api.ts'
import type { KillRun } from './kill-rounds.ts'

const instance = '/api/v1/plugins/sink-file/instances/main'
const deliveredWithinMs = 30_000

/** Everything that is stored goes to files, too. */
export const startFileSink = async (api: Api): Promise<void> => {
  const put = await api.put(instance, { delivery: { from: 'beginning', wait: '100ms' }, config: { rotateMb: 1 } })
  expect(put.status).toBe(200)
}

/** Every number in the files, as often as it is there. */
const readFiles = async (folder: string): Promise<Map<string, number[]>> => {
  const numbers = new Map<string, number[]>()
  for (const name of (await readdir(folder)).toSorted()) {
    const bytes = await readFile(join(folder, name))
    const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
    for (const line of text.split('\n').filter((each) => each !== '')) {
      const { device, values } = JSON.parse(line)
      const found = numbers.get(device)
      if (found) found.push(values.n)
      else numbers.set(device, [values.n])
    }
  }
  return numbers
}

export interface FileSinkFigures {
  stored: number
  /** Stored or acknowledged, and in no file. */
  missing: number
  doubled: number
}

/** Waits until the sink has everything, and compares its files with what is stored. */
export const checkFileSink = async ({ api, data, devices, acked }: KillRun): Promise<FileSinkFigures> => {
  await vi.waitFor(
    async () => {
      const { body } = await api.get(instance)
      expect(body).toMatchObject({ lag: { records: 0 }, refused: 0, deliveryStatus: { gone: 0 } })
    },
    { timeout: deliveredWithinMs, interval: 100 },
  )
  const files = await readFiles(join(data, 'plugins/sink-file/main'))
  const figures: FileSinkFigures = { stored: 0, missing: 0, doubled: 0 }
  for (const [i, device] of devices.entries()) {
    const points = (await readAll(api, device.id, 'n')).map(({ value }) => Number(value))
    const found = files.get(device.id) ?? []
    const present = new Set(found)
    figures.stored += points.length
    figures.doubled += found.length - present.size
    figures.missing += [...points, ...(acked[i] ?? [])].filter((n) => !present.has(n)).length
  }
  return figures
}
