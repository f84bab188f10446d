import type { RestApp, GeneralDeps } from './route-deps.ts'

const pagePolicy =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
const dataPolicy = "default-src 'none'; frame-ancestors 'none'"
/** Half a year; only said where the public address has a certificate that browsers trust. */
const transportSecurity = 'max-age=15552000'

/** Headers of every answer: nothing is sniffed, framed or kept. */
export const secureHeaders = (app: RestApp, deps: GeneralDeps): void => {
  const publicTls = deps.publicUrl?.startsWith('https://') ?? false
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
  app.addHook('onSend', async (request, reply) => {
    const type = reply.getHeader('content-type')
    const isPage = typeof type === 'string' && type.startsWith('text/html')
    reply.header('x-content-type-options', 'nosniff')
    reply.header('referrer-policy', 'no-referrer')
    reply.header('cross-origin-opener-policy', 'same-origin')
    reply.header('content-security-policy', isPage ? pagePolicy : dataPolicy)
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
    if (publicTls && request.peer?.encrypted) reply.header('strict-transport-security', transportSecurity)
  })
}
