import { ServerCertificate, ServerPair } from '@patchbay/contracts/setting'
import { RestError } from '../rest/errors.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'
import { toServerCertificate } from '../tls/server-certificate.ts'
import { whyUnfit } from '../tls/uploaded-certificate.ts'

/** What clients are shown by TLS: the self-made certificate, or one that is taken in here. */
export const tlsRoutes: Routes = (app, { tls, clock }) => {
  const response = { 200: ref(ServerCertificate) }
  const assertOurs = (): void => {
    if (tls.source() === 'files')
      throw new RestError(
        'SETTING_FIXED',
        'PATCHBAY_TLS_CERT names the certificate, which beats the console. Change the files, which are watched, or unset it and start again.',
      )
  }
  app.get(
    '/api/v1/system/tls',
    {
      config: { permission: 'system.read' },
      schema: {
        operationId: 'readServerCertificate',
        summary: 'The certificate that clients are shown',
        tags: ['system'],
        response,
      },
    },
    async () => toServerCertificate(tls),
  )
  app.put(
    '/api/v1/system/tls',
    {
      config: { permission: 'system.write' },
      schema: {
        operationId: 'uploadServerCertificate',
        summary: 'Takes in a certificate with its key; new connections are shown it at once, those that are open stay',
        tags: ['system'],
        body: ServerPair,
        response,
      },
    },
    async (request) => {
      // Before anything else: the key must not get into the trail.
      request.auditChanges = {}
      assertOurs()
      const { certificatePem: cert, privateKeyPem: key } = request.body
      const why = whyUnfit({ cert, key }, Math.floor(clock.nowMicros() / 1000))
      if (why !== undefined) throw new RestError('CERTIFICATE_UNFIT', why)
      await tls.upload({ cert, key })
      const shown = toServerCertificate(tls)
      request.auditChanges = { fingerprint: shown.fingerprint, names: shown.names }
      return shown
    },
  )
  app.delete(
    '/api/v1/system/tls',
    {
      config: { permission: 'system.write' },
      schema: {
        operationId: 'dropServerCertificate',
        summary: 'Deletes the certificate that was taken in; the self-made one is shown again',
        tags: ['system'],
        response,
      },
    },
    async () => {
      assertOurs()
      await tls.dropUploaded()
      return toServerCertificate(tls)
    },
  )
  app.post(
    '/api/v1/system/tls/renew',
    {
      config: { permission: 'system.write' },
      schema: {
        operationId: 'renewServerCertificate',
        summary:
          'Makes another self-made certificate with a new key, by the same authority, so that devices trust it as before',
        tags: ['system'],
        response,
      },
    },
    async () => {
      assertOurs()
      await tls.makeAnew()
      return toServerCertificate(tls)
    },
  )
}
