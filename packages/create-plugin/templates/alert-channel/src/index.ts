import { definePlugin, field } from '@patchbay/sdk'
import { answerOf, assertTarget, deliverByPost, toValues, verifyChannel } from '@patchbay/sdk/alert-channel'

const config = { url: field.url({ title: 'Address' }), token: field.secret({ title: 'Token' }) }

const openChannel = (url: string, token: string, privateTargets: readonly string[]) => {
  assertTarget('/url', url, privateTargets)
  const secrets = [token]
  return {
    deliver: (notification: Parameters<typeof toValues>[0], { signal }: { signal: AbortSignal }) =>
      answerOf(() => {
        const headers = { authorization: `Bearer ${token}`, 'idempotency-key': notification.id }
        const body = JSON.stringify(toValues(notification))
        return deliverByPost({ url, headers, body, privateTargets, signal, secrets })
      }, secrets),
  }
}

export default definePlugin({
  config,
  verify: ({ url, token }, signal, about) =>
    verifyChannel(async () => openChannel(url, token, about.privateTargets), signal, about),
  setup(ctx) {
    ctx.alertChannel('my-plugin', openChannel(ctx.config.url, ctx.config.token, ctx.privateTargets))
  },
})
