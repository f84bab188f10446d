import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApi } from '../harness/api.ts'
import { isInstalled } from '../harness/coap-client.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { testKey } from '../harness/server-process.ts'

const page = new URL('../../../../docs/provisioning.md', import.meta.url)
const here = ['coap-client-notls', 'curl', 'mosquitto_rr'].every(isInstalled)

describe.skipIf(!here)('docs/provisioning.md (curl, mosquitto clients, coap-client-notls)', () => {
  let server: InProcess
  beforeAll(async () => {
    server = await startInProcess()
  })
  afterAll(() => server.close())

  test('has commands that do what it says', async () => {
    const blocks = [...(await readFile(page, 'utf8')).matchAll(/```sh\n([^]*?)```/g)].map(([, block]) => block ?? '')
    expect(blocks).toHaveLength(4)
    const script = `${blocks.join('\n')}\necho; echo "$KEY_ID"`
      .replaceAll(':8080', `:${server.port}`)
      .replaceAll('-p 8080', `-p ${server.port}`)
    const env = { ...process.env, PATCHBAY_API_KEY: testKey }
    const { stdout, stderr } = await promisify(execFile)('sh', ['-e', '-c', script], { env, timeout: 15_000 })
    expect(stderr).toBe('')
    const [answer = '', keyId = ''] = stdout.trim().split(/\n+/)
    expect(JSON.parse(answer).preSharedKey.identity).toBe('pump-0817')
    const api = createApi(server.url)
    for (const [id, value] of [
      ['pump-0815', 21.5],
      ['pump-0816', 22.5],
    ]) {
      expect((await api.get(`/api/v1/devices/${id}/latest`)).body.temperature.value).toBe(value)
    }
    const { items } = (await api.get(`/api/v1/devices?provisionedBy=${keyId}`)).body
    expect(items.map(({ id }: { id: string }) => id)).toEqual(['pump-0815', 'pump-0816', 'pump-0817'])
    expect(items[0].tags).toEqual(['line-4'])
    expect((await api.get(`/api/v1/provisioning-keys/${keyId}`)).body).toMatchObject({ used: 3, quota: 500 })
  })
})
