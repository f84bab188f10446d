import { definePlugin } from '@patchbay/sdk'
import { config } from './config.ts'
import { openQuestions } from './questions.ts'

/** Whom the Test button asks about: nobody's user name, since a device id begins with a letter or digit. */
const testUser = '(patchbay test)'

export default definePlugin({
  config,
  async verify(values, signal, { privateTargets, purpose }) {
    const service = openQuestions(values, { privateTargets, signal })
    if (purpose === 'save') return { reply: 'The configuration is well formed.' }
    const asked = { username: testUser, password: 'test', protocol: 'test', address: '127.0.0.1' }
    const login = (await service.connect?.(asked)) ?? 'ignore'
    const topic = await service.decide?.({ device: testUser, action: 'publish', topic: 'patchbay/test' })
    const words = [
      ...(values.loginUrl === undefined
        ? []
        : [`a login of nobody: ${typeof login === 'object' ? login.answer : login}`]),
      ...(values.topicUrl === undefined ? [] : [`a topic of nobody: ${topic ?? 'ignore'}`]),
    ]
    return { reply: `The service answered. ${words.join('; ')}.` }
  },
  setup(ctx) {
    let failure: string | undefined
    ctx.accessProvider(
      'http',
      openQuestions(ctx.config, {
        privateTargets: ctx.privateTargets,
        signal: ctx.signal,
        heard(now) {
          if (now === failure) return
          failure = now
          if (now === undefined) ctx.health('ok')
          else ctx.health('degraded', `What is asked is denied: ${now}`)
        },
      }),
    )
  },
})
