import { createReadStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { RestError } from '../rest/errors.ts'
import type { Routes } from '../rest/route-deps.ts'

const folder = new URL('../../../../console/dist/', import.meta.url)
const typeOf: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** First words of the console's addresses: no plugin may claim them. The console itself knows what lies under each. */
export const consolePaths = [
  'setup',
  'login',
  'devices',
  'live',
  'alerts',
  'rules',
  'channels',
  'plugins',
  'gateway',
  'jobs',
  'system',
  'access',
  'types',
  'gallery',
  'settings',
] as const

/** The names in a build hold a hash of what is in them, so they stay good for ever; the icon's does not. */
const cacheOf = (file: string): string =>
  /-[\w-]{8}\.\w+$/.test(file) ? 'public, max-age=31536000, immutable' : 'public, max-age=3600'

/**
 * The console: one page for all its addresses, and the files that a build put beside it. Only what lies in the build's folder when a
 * request comes is served, by its exact name, so nothing in an address becomes a path.
 */
export const pageRoutes: Routes = (app) => {
  const open = { config: { permission: 'open' }, schema: { hide: true } } as const
  for (const path of ['/', ...consolePaths.flatMap((each) => [`/${each}`, `/${each}/*`])]) {
    app.get(path, open, async (_request, reply) => {
      const page = await readFile(new URL('index.html', folder)).catch((cause: unknown) => {
        throw new RestError('CONSOLE_NOT_BUILT', 'Run `node console/build.mjs` in the folder of Patchbay.', { cause })
      })
      return reply.type('text/html; charset=utf-8').send(page)
    })
  }
  app.get<{ Params: { '*': string } }>('/assets/*', open, async (request, reply) => {
    const name = request.params['*']
    const names = await readdir(new URL('assets/', folder)).catch((): string[] => []) // not built: nothing is there
    const type = typeOf[extname(name)]
    if (type === undefined || !names.includes(name)) throw new RestError('PATH_UNKNOWN', 'There is no such file.')
    const zipped = names.includes(`${name}.gz`) && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
    const file = new URL(`assets/${name}${zipped ? '.gz' : ''}`, folder)
    reply.type(type).header('cache-control', cacheOf(name)).header('vary', 'accept-encoding')
    if (zipped) reply.header('content-encoding', 'gzip')
    return reply.header('content-length', (await stat(file)).size).send(createReadStream(file))
  })
}
