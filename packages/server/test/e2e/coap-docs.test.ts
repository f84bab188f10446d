import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApi } from '../harness/api.ts'
import { isInstalled } from '../harness/coap-client.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { testKey } from '../harness/server-process.ts'

const page = new URL('../../../../docs/coap.md', import.meta.url)
const here = isInstalled('coap-client-openssl') && isInstalled('curl')

describe.skipIf(!here)('docs/coap.md (coap-client-openssl, curl)', () => {
  let server: InProcess
  beforeAll(async () => {
    server = await startInProcess()
  })
  afterAll(() => server.close())

  test('has commands that do what it says', async () => {
    const blocks = [...(await readFile(page, 'utf8')).matchAll(/```sh\n([^]*?)```/g)].map(([, block]) => block ?? '')
    expect(blocks).toHaveLength(4)
    const script = blocks.join('\n').replaceAll(':8080', `:${server.port}`).replace('-s 60', '-s 3')
    const env = { ...process.env, PATCHBAY_API_KEY: testKey }
    const { stdout, stderr } = await promisify(execFile)('sh', ['-e', '-c', `${script}\nwait`], {
      env,
      timeout: 15_000,
    })
    expect(stderr).toBe('')
    const api = createApi(server.url)
    const { body: latest } = await api.get('/api/v1/devices/boiler-1/latest')
    expect([latest.temperature.value, latest.level.value, latest.pressure.value]).toEqual([21.5, 7.5, 1.5])
    const [command] = (await api.get('/api/v1/devices/boiler-1/commands')).body.items
    expect(stdout).toContain(`[{"id":"${command.id}","name":"restart","params":{"delay":5}}]`)
    expect(command.state).toBe('succeeded')
  })
})
