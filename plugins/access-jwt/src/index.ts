import { definePlugin, NotReady } from '@patchbay/sdk'
import { config } from './config.ts'
import { loadLibrary } from './library.ts'

export default definePlugin({
  config,
  async verify(values, signal, { privateTargets, purpose }) {
    const { openKey } = await loadLibrary()
    let failure: string | undefined
    const key = await openKey(values, { privateTargets, signal, heard: (now) => (failure = now) })
    if (purpose === 'save') return { reply: 'The configuration is well formed.' }
    if (typeof key !== 'function') return { reply: `The ${values.algorithm} key can be used.` }
    // Asking for a key that nobody has reads the set, which is what is tested: `heard` tells how that went.
    await key({ alg: values.algorithm, kid: ' ' }).catch(() => undefined)
    if (failure !== undefined) throw new NotReady(failure)
    return { reply: 'The key set was read.' }
  },
  async setup(ctx) {
    const { openKey, createTokens } = await loadLibrary()
    const key = await openKey(ctx.config, {
      privateTargets: ctx.privateTargets,
      signal: ctx.signal,
      heard(failure) {
        if (failure === undefined) ctx.health('ok')
        else ctx.health('degraded', `The key set cannot be read, so tokens may be denied: ${failure}`)
      },
    })
    ctx.accessProvider('jwt', createTokens(ctx.config, key))
  },
})
