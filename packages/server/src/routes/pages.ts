import { readFile } from 'node:fs/promises'
import type { Routes } from '../rest/route-deps.ts'

const files = [
  { paths: ['/', '/setup', '/login'], file: 'start.html', type: 'text/html; charset=utf-8' },
  { paths: ['/assets/start.css'], file: 'start.css', type: 'text/css; charset=utf-8' },
  { paths: ['/assets/icon.svg'], file: 'icon.svg', type: 'image/svg+xml' },
  { paths: ['/assets/start.js'], file: 'start.js', type: 'text/javascript; charset=utf-8' },
] as const

/** The page of the first minutes (owner, sign-in, first device), until the console takes these paths over. */
export const pageRoutes: Routes = (app) => {
  for (const { paths, file, type } of files) {
    const body = readFile(new URL(`../pages/${file}`, import.meta.url))
    for (const path of paths) {
      app.get(path, { config: { permission: 'open' }, schema: { hide: true } }, async (_request, reply) =>
        reply.type(type).send(await body),
      )
    }
  }
}
