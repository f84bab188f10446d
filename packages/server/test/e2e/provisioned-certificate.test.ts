import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApi, type Api } from '../harness/api.ts'
import { certifiedProtocols } from '../harness/certificate-clients.ts'
import { makeSigningRequest } from '../harness/signing-request.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

let server: InProcess
let api: Api
let key: string
beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
  const made = await api.post('/api/v1/provisioning-keys', { name: 'line 1', strategy: 'create' })
  expect(made.status).toBe(201)
  ;({ key } = made.body)
})
afterAll(() => server.close())

const ask = async (body: object): Promise<{ status: number; body: any }> => {
  const answer = await fetch(`${server.url}/v1/provision`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: answer.status, body: await answer.json() }
}

test('a device is given a certificate when it is provisioned, and logs in by it', async () => {
  const mine = await makeSigningRequest()
  const request = { deviceId: 'factory-1', claim: 'claim-of-factory-1-0001', csr: mine.csr }
  // However often the answer is lost, it can ask again, until it has come in.
  for (let lost = 0; lost < 3; lost++) expect((await ask(request)).body.certificate.certificate).toContain('BEGIN')
  const { body } = await ask(request)
  const identity = { cert: body.certificate.certificate, key: mine.key }
  const ca = Buffer.from(body.certificate.authority)
  const where = { port: server.port, ca, topic: 'devices/factory-1/telemetry' }
  const client = await certifiedProtocols['mqtt']!.open(identity, where)
  await client.publish('{"level": 3}')
  await client.close()
  expect((await api.get('/api/v1/devices/factory-1/latest')).body.level.value).toBe(3)
  expect((await ask(request)).body.code).toBe('PROVISION_DONE')
})

test('a request that cannot be signed makes no device', async () => {
  const { body } = await ask({ deviceId: 'factory-2', claim: 'claim-of-factory-2-0001', csr: 'hello' })
  expect(JSON.stringify(body)).toContain('PROVISION_CERTIFICATE')
  expect((await api.get('/api/v1/devices/factory-2')).status).toBe(404)
})
