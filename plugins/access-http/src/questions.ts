import { type AccessProvider, BadConfig } from '@patchbay/sdk'
import { hideSecrets } from '@patchbay/sdk/alert-channel'
import { assertOpenTarget, post } from '@patchbay/sdk/outbound-http'
import { toAnswer } from './answer.ts'
import type { Config } from './config.ts'
import { createKeptLogins } from './kept-logins.ts'

/** Headers that the protocol needs for itself. */
const reserved = /^(host|content-length|content-type|connection|transfer-encoding|expect|upgrade|te|trailer)$/i

export interface QuestionOptions {
  privateTargets: readonly string[]
  signal: AbortSignal
  /** Told of each question: undefined = answered. */
  heard?: (failure: string | undefined) => void
}

/** Throws BadConfig for what is wrong by itself. */
export function openQuestions(config: Config, options: QuestionOptions): AccessProvider {
  const { loginUrl, topicUrl, timeoutMs } = config
  const { privateTargets, signal } = options
  if (loginUrl === undefined && topicUrl === undefined)
    throw new BadConfig('/loginUrl', 'Give an address for logins, for topics, or both.')
  if (loginUrl !== undefined) assertOpenTarget('/loginUrl', loginUrl, privateTargets)
  if (topicUrl !== undefined) assertOpenTarget('/topicUrl', topicUrl, privateTargets)
  config.headers.forEach(({ name, value }, index) => {
    if (reserved.test(name)) throw new BadConfig(`/headers/${index}/name`, `${name} is set by the platform itself.`)
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
      throw new BadConfig(`/headers/${index}/value`, 'A header value has visible characters only.')
  })
  const headers = {
    ...Object.fromEntries(config.headers.map(({ name, value }) => [name, value])),
    'content-type': 'application/json',
    accept: 'application/json',
  }
  const secrets = config.headers.map(({ value }) => value)
  const kept = createKeptLogins(config.keepSeconds * 1000, () => performance.now())

  const ask = async (url: string, question: object) => {
    try {
      const body = JSON.stringify(question)
      const answer = toAnswer(await post({ url, headers, body, timeoutMs, privateTargets, signal }))
      options.heard?.(undefined)
      return answer
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      options.heard?.(hideSecrets(text, secrets))
      throw error
    }
  }

  return {
    ...(loginUrl === undefined
      ? {}
      : {
          async connect({ username, password, protocol, address }) {
            const who = { username, password, protocol, address }
            const known = kept.find(who)
            if (known !== undefined) return known
            const answer = await ask(loginUrl, who)
            if (answer !== undefined && answer !== 'deny') kept.keep(who, answer)
            return answer
          },
        }),
    ...(topicUrl === undefined
      ? {}
      : {
          async decide({ device, action, topic }) {
            const answer = await ask(topicUrl, { username: device, action, topic })
            return typeof answer === 'object' ? answer.answer : answer
          },
        }),
  }
}
