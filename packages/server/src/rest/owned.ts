import { RestError } from './errors.ts'
import { insiderOf } from './inside.ts'
import type { GeneralDeps, RestApp } from './route-deps.ts'

/** What a file of PATCHBAY_CONFIG says is read-only here. */
export const keepOwned = (app: RestApp, { ownerOf }: GeneralDeps): void => {
  if (!ownerOf) return
  app.addHook('preHandler', async (request) => {
    if (insiderOf(request.raw)?.ownsFiles) return
    const owner = ownerOf(request.method, request.url.split('?', 1)[0] ?? '')
    if (owner !== undefined)
      throw new RestError('CONFIGURATION_OWNED', `${owner} says how this is. Change it there; it is applied at once.`)
  })
}
