import type { AuditTrail } from '@patchbay/sdk'
import { admittedCaller } from './auth.ts'
import { toPeer } from './peer.ts'
import type { GeneralDeps } from './route-deps.ts'

/** The audit trail as plugins' own HTTP reaches it: who, from where and when are the platform's to say. */
export const createPluginAudit = (deps: GeneralDeps): AuditTrail => ({
  isFull: () => deps.people.audit.isFull(),
  record(request, { status, requestId, target, changes }) {
    const caller = admittedCaller(request)
    if (!caller && status >= 400) return
    void deps.people.audit.record({
      actor: caller?.actor ?? 'anonymous',
      address: toPeer({ headers: request.headers, raw: request }, deps).address,
      action: `${request.method} ${request.url?.split('?')[0] ?? ''}`,
      ...(target === undefined ? {} : { target }),
      outcome: status < 400 ? 'done' : 'refused',
      status,
      requestId,
      ...(changes === undefined ? {} : { changes }),
    })
  },
})
