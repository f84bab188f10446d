import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { isInstalled, runCoapClient } from '../harness/coap-client.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

/** An address of this machine that is not loopback: what comes from it is told from it. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address

describe.skipIf(outside === undefined || !isInstalled('coap-client-openssl'))(
  'CoAP from another address than loopback (coap-client-openssl)',
  () => {
    let server: InProcess
    let api: Api
    let device: TestDevice
    beforeAll(async () => {
      server = await startInProcess({ env: { PATCHBAY_HOST: '::' } })
      api = createApi(server.url)
      device = await createDevice(api, 'far-1')
    })
    afterAll(() => server.close())
    const latest = async (key: string) => (await api.get('/api/v1/devices/far-1/latest')).body[key]?.value
    const post = (scheme: string, host: string, key: string, query: string, ...more: string[]) =>
      runCoapClient('openssl', [
        ...more,
        '-m',
        'post',
        '-e',
        `{"${key}": 1}`,
        `${scheme}://${host}:${server.port}/devices/far-1/telemetry${query}`,
      ])

    test('is refused without DTLS, unless PATCHBAY_PLAIN permits it, and recorded', async () => {
      const query = `?user=far-1&pass=${device.secret}`
      expect(await post('coap', outside ?? '', 'far', query)).toMatch(/^4\.03 PLAIN_FORBIDDEN/)
      const { items } = (await api.get('/api/v1/refusals?limit=5')).body
      expect(items[0]).toMatchObject({ protocol: 'coap', code: 'PLAIN_FORBIDDEN', address: outside })
      expect(await post('coap', '127.0.0.1', 'near', query)).not.toMatch(/[45]\.\d\d/)
      expect(await post('coap', '[::1]', 'near6', query)).not.toMatch(/[45]\.\d\d/)
      expect([await latest('far'), await latest('near'), await latest('near6')]).toEqual([undefined, 1, 1])
    })

    test('is taken over DTLS', async () => {
      const { key } = (await api.post('/api/v1/devices/far-1/credentials', { kind: 'psk' })).body.preSharedKey
      expect(await post('coaps', outside ?? '', 'dtls', '', '-u', 'far-1', '-k', key)).not.toMatch(/[45]\.\d\d/)
      expect(await latest('dtls')).toBe(1)
    })
  },
)
