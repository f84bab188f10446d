import { Refused } from '@patchbay/sdk'

/** What the gateway itself refuses. Codes are never used again for something else. */
export const gatewayRefusals = {
  GATEWAY_NO_ROUTE: { reason: 'forbidden', step: 'route', text: 'No stream route takes this connection' },
  GATEWAY_NO_UPSTREAM: { reason: 'unavailable', step: 'route', text: 'The route has no upstream that can be used' },
  GATEWAY_NOT_CONNECT: { reason: 'malformed', step: 'mqtt-proxy', text: 'The first packet is no well-formed CONNECT' },
  GATEWAY_PROTOCOL: {
    reason: 'invalid',
    step: 'mqtt-proxy',
    text: 'The route does not take this protocol name or level',
  },
  GATEWAY_ADDRESS: { reason: 'forbidden', step: 'ip-restriction', text: 'The address is not let in by the route' },
  GATEWAY_CONNECTIONS_FULL: {
    reason: 'quota',
    step: 'limit-conn',
    text: 'There are as many connections as the route takes',
  },
  GATEWAY_FULL: { reason: 'quota', step: 'limit', text: 'The gateway has as many connections as it takes' },
  GATEWAY_UPSTREAM_AWAY: { reason: 'unavailable', step: 'upstream', text: 'No node of the upstream could be reached' },
  GATEWAY_PLAIN: {
    reason: 'forbidden',
    step: 'plain',
    text: 'Plain text is not permitted from this address; use TLS, or set PATCHBAY_PLAIN',
  },
  GATEWAY_PROXY_HEADER: {
    reason: 'malformed',
    step: 'proxy-protocol',
    text: 'The listener expects a PROXY protocol header first',
  },
  GATEWAY_PROXY_UNTRUSTED: {
    reason: 'forbidden',
    step: 'proxy-protocol',
    text: 'PROXY headers are not taken from this address; name the balancer in PATCHBAY_TRUSTED_PROXIES',
  },
  GATEWAY_TLS: { reason: 'malformed', step: 'tls', text: 'The TLS handshake failed' },
  GATEWAY_NO_CERTIFICATE: {
    reason: 'forbidden',
    step: 'tls',
    text: 'No certificate (ssls) is there for this server name',
  },
  GATEWAY_TIMEOUT: { reason: 'invalid', step: 'login', text: 'The connection did not say in time what it wants' },
} as const
export type GatewayRefusalCode = keyof typeof gatewayRefusals

/** `detail` replaces the catalogue's sentence where something more exact can be said. */
export function refuse(code: GatewayRefusalCode, detail?: string, cause?: unknown): Refused {
  const { reason, step, text } = gatewayRefusals[code]
  return new Refused(reason, code, step, detail ?? text, cause === undefined ? {} : { cause })
}

/** What `/api/v1/gateway` answers with a problem body. */
export const gatewayProblems = {
  GATEWAY_FORBIDDEN: { status: 403, title: 'Not permitted' },
  GATEWAY_AUDIT_FULL: { status: 503, title: 'The audit trail cannot keep up' },
  GATEWAY_SESSION_UNKNOWN: { status: 404, title: 'No such connection' },
  GATEWAY_UPSTREAM_UNKNOWN: { status: 404, title: 'No such upstream' },
  GATEWAY_NODE_UNKNOWN: { status: 404, title: 'No such node' },
  GATEWAY_QUERY: { status: 422, title: 'The query has a wrong value' },
  GATEWAY_SIMULATION: { status: 422, title: 'This cannot be simulated' },
  GATEWAY_DRAIN: { status: 422, title: 'This cannot be drained' },
} as const
export type GatewayProblemCode = keyof typeof gatewayProblems
