import type { RestApp } from './route-deps.ts'

/**
 * JSON as the framework reads it, but for a body of no bytes: that is no body, whatever the header says, as clients send it that set the header
 * on each request. A route that needs a body says so itself.
 */
export function readJson(app: RestApp): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) =>
    body === '' ? done(null, undefined) : parse(request, body, done),
  )
}
