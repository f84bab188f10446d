import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NodeRole } from '@patchbay/contracts/node'
import { restErrors } from '../rest/errors.ts'

/** Whoever watches over a node may always ask how it does. */
const forAll = new Set(['/healthz', '/readyz', '/metrics'])
/** Devices come in by these, where no plugin has claimed another prefix. */
const ofFront = /^\/(v1|mqtt|write|query|ping|apisix)(\/|$)/

const toText = (role: NodeRole): string =>
  `This node has not the role ${role} (PATCHBAY_ROLES): ask one that has. System → Nodes shows which.`

/** Refuses over HTTP what is not the node's part; false = nothing to say against it. */
export function createRoleDoor(
  roles: readonly NodeRole[],
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const missing = (role: NodeRole) => !roles.includes(role)
  if (!missing('api') && !missing('front')) return () => false
  return (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    if (forAll.has(path)) return false
    const role: NodeRole = ofFront.test(path) ? 'front' : 'api'
    if (!missing(role)) return false
    const { status, title } = restErrors.ROLE_MISSING
    const problem = { type: 'about:blank', title, status, detail: toText(role), code: 'ROLE_MISSING' }
    response
      .writeHead(status, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
      .end(JSON.stringify(problem))
    return true
  }
}
