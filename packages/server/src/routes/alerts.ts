import { Alert, AlertAssignment, AlertComment, AlertNote, AlertSilence, AlertState } from '@patchbay/contracts/alert'
import { DeviceId } from '@patchbay/contracts/id'
import { pageOf } from '@patchbay/contracts/page'
import { Severity } from '@patchbay/contracts/severity'
import { Type } from 'typebox'
import { callerOf } from '../rest/caller.ts'
import { setVersion } from '../rest/etag.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const params = Type.Object({ id: Type.String({ maxLength: 64 }) })
const tags = ['alerts']

export const alertRoutes: Routes = (app, { alerting: { alerts } }) => {
  app.get(
    '/api/v1/alerts',
    {
      config: { permission: 'alerts.read' },
      schema: {
        operationId: 'listAlerts',
        summary: 'Alerts, newest first, with the newest entries of their timelines',
        tags,
        querystring: pageQuery({
          state: Type.Optional(AlertState),
          severity: Type.Optional(Severity),
          device: Type.Optional(DeviceId),
          rule: Type.Optional(Type.String({ maxLength: 128 })),
        }),
        response: { 200: pageOf(ref(Alert)) },
      },
    },
    async ({ query: { limit: _limit, cursor: _cursor, ...filters }, query }) =>
      alerts.list({ ...filters, ...toPage(query) }),
  )
  app.get(
    '/api/v1/alerts/:id',
    {
      config: { permission: 'alerts.read' },
      schema: {
        operationId: 'getAlert',
        summary: 'One alert with its timeline: every step and every try to deliver',
        tags,
        params,
        response: { 200: ref(Alert) },
      },
    },
    async (request, reply) => {
      const alert = await alerts.get(request.params.id)
      setVersion(reply, alert.version)
      return alert
    },
  )
  app.post(
    '/api/v1/alerts/:id/acknowledge',
    {
      config: { permission: 'alerts.write' },
      schema: {
        operationId: 'acknowledgeAlert',
        summary: 'Takes an alert on: it escalates no further; 409 when it is resolved',
        tags,
        params,
        body: Type.Optional(AlertNote),
        response: { 200: ref(Alert) },
      },
    },
    async (request) => alerts.acknowledge(request.params.id, callerOf(request).actor, request.body?.comment),
  )
  app.post(
    '/api/v1/alerts/:id/resolve',
    {
      config: { permission: 'alerts.write' },
      schema: {
        operationId: 'resolveAlert',
        summary: 'Ends an alert by hand; the rule raises another when its condition is met anew or gets worse',
        tags,
        params,
        body: Type.Optional(AlertNote),
        response: { 200: ref(Alert) },
      },
    },
    async (request) => alerts.resolve(request.params.id, callerOf(request).actor, request.body?.comment),
  )
  app.post(
    '/api/v1/alerts/:id/assign',
    {
      config: { permission: 'alerts.write' },
      schema: {
        operationId: 'assignAlert',
        summary: 'Gives an alert to somebody, or to nobody with null',
        tags,
        params,
        body: AlertAssignment,
        response: { 200: ref(Alert) },
      },
    },
    async (request) => alerts.assign(request.params.id, callerOf(request).actor, request.body.assignee),
  )
  app.post(
    '/api/v1/alerts/:id/comments',
    {
      config: { permission: 'alerts.write' },
      schema: {
        operationId: 'commentAlert',
        summary: 'Writes a comment into the timeline',
        tags,
        params,
        body: AlertComment,
        response: { 200: ref(Alert) },
      },
    },
    async (request) => alerts.comment(request.params.id, callerOf(request).actor, request.body.text),
  )
  app.post(
    '/api/v1/alerts/:id/silence',
    {
      config: { permission: 'alerts.write' },
      schema: {
        operationId: 'silenceAlert',
        summary: 'Nobody is notified of the alert until the time; null ends that',
        tags,
        params,
        body: AlertSilence,
        response: { 200: ref(Alert) },
      },
    },
    async (request) => alerts.silence(request.params.id, callerOf(request).actor, request.body.until),
  )
}
