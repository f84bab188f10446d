import { pageOf } from '@patchbay/contracts/page'
import { AuditEntry } from '@patchbay/contracts/person'
import { Type } from 'typebox'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { GeneralDeps, Routes } from '../rest/route-deps.ts'

const filters = {
  actor: Type.Optional(Type.String({ maxLength: 200 })),
  target: Type.Optional(Type.String({ maxLength: 200 })),
  outcome: Type.Optional(AuditEntry.properties.outcome),
}
const Verdict = Type.Object({
  intact: Type.Boolean(),
  checked: Type.Integer(),
  brokenAt: Type.Optional(Type.String({ description: 'Id of the first entry that does not fit' })),
  detail: Type.Optional(Type.String()),
})

export const auditRoutes: Routes<GeneralDeps> = (app, { people }) => {
  app.get(
    '/api/v1/audit',
    {
      config: { permission: 'audit.read' },
      schema: {
        operationId: 'listAudit',
        summary: 'Who did what, newest first',
        tags: ['people'],
        querystring: pageQuery(filters),
        response: { 200: pageOf(ref(AuditEntry)) },
      },
    },
    async ({ query: { limit, cursor, ...where } }) =>
      people.audit.list({
        ...toPage({ ...(limit === undefined ? {} : { limit }), ...(cursor === undefined ? {} : { cursor }) }),
        where,
      }),
  )
  app.get(
    '/api/v1/audit/verify',
    {
      config: { permission: 'audit.read' },
      schema: {
        operationId: 'verifyAudit',
        summary: 'Checks the chain of hashes over the whole trail',
        tags: ['people'],
        response: { 200: Verdict },
      },
    },
    async () => people.audit.verify(),
  )
}
