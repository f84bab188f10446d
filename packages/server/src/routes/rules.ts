import { Name } from '@patchbay/contracts/id'
import { pageOf } from '@patchbay/contracts/page'
import { NewRule, Preview, PreviewRequest, Rule, RuleBody, RulePatch } from '@patchbay/contracts/rule'
import { Type } from 'typebox'
import { callerOf, demand } from '../rest/caller.ts'
import { expectedVersion, setVersion } from '../rest/etag.ts'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'
import { toMicros } from '../rest/time.ts'
import { assertChannels } from './rule-channels.ts'

const params = Type.Object({ id: Name })

export const ruleRoutes: Routes = (app, { rules, channels }) => {
  app.get(
    '/api/v1/rules',
    {
      config: { permission: 'rules.read' },
      schema: {
        operationId: 'listRules',
        summary: 'Alert rules and whether they run',
        tags: ['rules'],
        querystring: pageQuery({ search: Type.Optional(Type.String({ maxLength: 200 })) }),
        response: { 200: pageOf(ref(Rule)) },
      },
    },
    async ({ query: { search, ...page } }) =>
      rules.list({ ...toPage(page), ...(search === undefined ? {} : { search }) }),
  )
  app.post(
    '/api/v1/rules',
    {
      config: { permission: 'rules.write' },
      schema: {
        operationId: 'createRule',
        summary: 'Makes a rule; it holds when this is answered',
        tags: ['rules'],
        body: NewRule,
        response: { 201: ref(Rule) },
      },
    },
    async (request, reply) => {
      assertChannels(request.body, undefined, channels())
      const rule = await rules.create(request.body, callerOf(request).actor)
      request.auditTarget = rule.id
      setVersion(reply, rule.version)
      return reply.code(201).send(rule)
    },
  )
  app.post(
    '/api/v1/rules/preview',
    {
      config: { permission: 'rules.write', unaudited: true },
      schema: {
        operationId: 'previewRule',
        summary: 'What a rule that is not saved would have opened and closed over stored history',
        tags: ['rules'],
        body: PreviewRequest,
        response: { 200: Preview },
      },
    },
    async (request, reply) => {
      demand(callerOf(request), 'telemetry.read')
      const { from, to, ...ask } = request.body
      const gone = new AbortController()
      // Also when it was answered, where it does no harm.
      reply.raw.once('close', () => gone.abort())
      return rules.preview({ ...ask, from: toMicros('from', from), to: toMicros('to', to) }, gone.signal)
    },
  )
  app.get(
    '/api/v1/rules/:id',
    {
      config: { permission: 'rules.read' },
      schema: {
        operationId: 'getRule',
        summary: 'One rule',
        tags: ['rules'],
        params,
        response: { 200: ref(Rule) },
      },
    },
    async (request, reply) => {
      const rule = rules.get(request.params.id)
      setVersion(reply, rule.version)
      return rule
    },
  )
  app.put(
    '/api/v1/rules/:id',
    {
      config: { permission: 'rules.write' },
      schema: {
        operationId: 'replaceRule',
        summary: 'Replaces a rule; what it holds open stays open until the new conditions say otherwise',
        tags: ['rules'],
        params,
        body: RuleBody,
        response: { 200: ref(Rule) },
      },
    },
    async (request, reply) => {
      const { actor } = callerOf(request)
      assertChannels(request.body, rules.get(request.params.id), channels())
      const rule = await rules.replace(request.params.id, request.body, actor, expectedVersion(request))
      setVersion(reply, rule.version)
      return rule
    },
  )
  app.patch(
    '/api/v1/rules/:id',
    {
      config: { permission: 'rules.write' },
      schema: {
        operationId: 'patchRule',
        summary: 'Replaces the fields that are given, such as enabled',
        tags: ['rules'],
        params,
        body: RulePatch,
        response: { 200: ref(Rule) },
      },
    },
    async (request, reply) => {
      const { actor } = callerOf(request)
      assertChannels(request.body, rules.get(request.params.id), channels())
      const rule = await rules.patch(request.params.id, request.body, actor, expectedVersion(request))
      setVersion(reply, rule.version)
      return rule
    },
  )
  app.delete(
    '/api/v1/rules/:id',
    {
      config: { permission: 'rules.write' },
      schema: {
        operationId: 'deleteRule',
        summary: 'Removes a rule; the alerts that it holds open are cleared',
        tags: ['rules'],
        params,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await rules.remove(request.params.id, expectedVersion(request))
      return reply.code(204).send(null)
    },
  )
}
