import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundledPlugins } from '../../src/parts/bundled-plugins.ts'
import { createApi } from '../harness/api.ts'
import { docCode } from '../harness/doc-code.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { testKey } from '../harness/server-process.ts'

/** Each sink with the server that its page needs, and what its lines print at the end. */
const pages = [{ plugin: 'sink-influxdb', needs: 'INFLUXDB_URL', prints: /"temperature".*,21\.5\]/ }]

const isThere = ({ needs }: { needs: string }): boolean => process.env[needs] !== undefined
const scriptMs = 15_000

describe.skipIf(!pages.some(isThere))('the page of a sink has lines that lead from nothing to data', () => {
  let server: InProcess
  beforeAll(async () => {
    server = await startInProcess({
      bundled: bundledPlugins.filter(({ manifestFile }) => /adapter-http|sink-/.test(String(manifestFile))),
    })
    await createApi(server.url).put('/api/v1/plugins/adapter-http/instances/default', { config: {} })
  })
  afterAll(() => server?.close())

  for (const page of pages)
    test.skipIf(!isThere(page))(`${page.plugin}${isThere(page) ? '' : `, skipped, no ${page.needs}`}`, async () => {
      const script = (await docCode(`../plugins/${page.plugin}/README.md`, 'sh')).replace(':8080', `:${server.port}`)
      const env = { ...process.env, PATCHBAY_API_KEY: testKey }
      const { stdout } = await promisify(execFile)('sh', ['-e', '-c', script], { env, timeout: scriptMs })
      expect(stdout).toMatch(page.prints)
    })
})
