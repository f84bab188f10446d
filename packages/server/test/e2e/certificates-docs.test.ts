import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApi } from '../harness/api.ts'
import { isInstalled } from '../harness/coap-client.ts'
import { hasProton, runPython } from '../harness/proton.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { testKey } from '../harness/server-process.ts'

const page = new URL('../../../../docs/certificates.md', import.meta.url)
const here = ['openssl', 'curl', 'mosquitto_pub'].every(isInstalled)

describe.skipIf(!here)('docs/certificates.md (openssl, curl, mosquitto_pub)', () => {
  let server: InProcess
  let folder: string
  beforeAll(async () => {
    server = await startInProcess()
    folder = await mkdtemp(join(tmpdir(), 'patchbay-certificates-'))
  })
  afterAll(async () => {
    await server.close()
    await rm(folder, { recursive: true })
  })

  const run = (script: string) =>
    promisify(execFile)(
      'sh',
      ['-e', '-c', script.replaceAll(':8080', `:${server.port}`).replaceAll('-p 8080', `-p ${server.port}`)],
      {
        cwd: folder,
        env: { ...process.env, PATCHBAY_API_KEY: testKey },
        timeout: 15_000,
      },
    )

  test('has commands that do what it says', async () => {
    const blocks = [...(await readFile(page, 'utf8')).matchAll(/```sh\n([^]*?)```/g)].map(([, block]) => block ?? '')
    expect(blocks).toHaveLength(6)
    const { stdout, stderr } = await run(blocks.join('\n'))
    expect(stdout).toContain('Verify return code: 0 (ok)')
    expect(stdout).toContain('pump-1.pem: OK')
    expect(stdout).toMatch(/subject=CN ?= ?pump-1\n/)
    expect(stdout).toContain('no longer let in')
    expect(stderr).toContain('not authorised')
    const said = stdout.trim().split('\n').at(-1) ?? ''
    expect(said).toContain('"CERTIFICATE_REVOKED"')
    const api = createApi(server.url)
    const { body: latest } = await api.get('/api/v1/devices/pump-1/latest')
    expect([latest.pressure.value, latest.flow.value]).toEqual([1.5, 12])
    const { items } = (await api.get('/api/v1/devices/pump-1/certificates')).body
    expect(items.map((one: { status: string }) => one.status).toSorted()).toEqual(['revoked', 'valid'])
  })

  test('the handshake names the device authority, and no other', async () => {
    const { stdout } = await run('openssl s_client -connect localhost:8080 < /dev/null 2> /dev/null')
    const names = /Acceptable client certificate CA names\n([^]*?)\nRequested Signature/.exec(stdout)?.[1]
    expect(names).toMatch(/^CN ?= ?Patchbay authority of \d{4}-\d\d-\d\d$/)
  })

  test.each(['rsa:2048', 'ed25519', 'ec -pkeyopt ec_paramgen_curve:P-384'])(
    'openssl’s request with %s is taken',
    async (kind) => {
      await run(
        `openssl req -new -newkey ${kind} -noenc -keyout kind.key -subj '/CN=other/O=x' -out kind.csr 2> /dev/null`,
      )
      const api = createApi(server.url)
      await api.post('/api/v1/devices', { id: 'kind-1' })
      const csr = await readFile(join(folder, 'kind.csr'), 'utf8')
      const answer = await api.post('/api/v1/devices/kind-1/certificates', { csr })
      expect([answer.status, answer.body.privateKeyPem]).toEqual([201, undefined])
    },
  )

  test.skipIf(!hasProton)('Qpid Proton logs in by EXTERNAL with a whole certificate, until it is revoked', async () => {
    const api = createApi(server.url)
    await api.post('/api/v1/devices', { id: 'proton-1' })
    const { body } = await api.post('/api/v1/devices/proton-1/certificates', {})
    await writeFile(join(folder, 'ca.pem'), body.authorityPem)
    await writeFile(join(folder, 'proton.pem'), body.certificatePem)
    await writeFile(join(folder, 'proton.key'), body.privateKeyPem)
    const args = [`amqps://localhost:${server.port}`, folder]
    await runPython(protonScript, { folder, args })
    expect((await api.get('/api/v1/devices/proton-1/latest')).body.level.value).toBe(4.5)
    await api.delete(`/api/v1/certificates/${body.certificate.id}`)
    await expect(runPython(protonScript, { folder, args })).rejects.toThrow(/[Aa]uthentication failed/)
    const [refused] = (await api.get('/api/v1/refusals?device=proton-1')).body.items
    expect(refused).toMatchObject({ protocol: 'amqp', code: 'CERTIFICATE_REVOKED' })
  })
})

const protonScript = `
import sys
from proton import Message, SSLDomain
from proton.utils import BlockingConnection
url, folder = sys.argv[1:]
domain = SSLDomain(SSLDomain.MODE_CLIENT)
domain.set_trusted_ca_db(folder + "/ca.pem")
domain.set_credentials(folder + "/proton.pem", folder + "/proton.key", None)
domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME, folder + "/ca.pem")
connection = BlockingConnection(url, ssl_domain=domain, allowed_mechs="EXTERNAL", timeout=10, reconnect=False)
sender = connection.create_sender("devices/proton-1/telemetry")
sender.send(Message(body='{"level": 4.5}'))
connection.close()
`
