import { BadConfig } from '@patchbay/sdk'
import { type AlertChannel, answerOf, openTemplate, toValues } from '@patchbay/sdk/alert-channel'
import { escapeHtml, escapeLine } from '@patchbay/sdk/template-escape'
import type { Config } from './config.ts'
import { toMail } from './mail.ts'
import { send } from './smtp.ts'

/** Throws BadConfig for what is wrong by itself. */
export async function openChannel(
  config: Config,
  { stop }: { privateTargets: readonly string[]; stop?: AbortSignal },
): Promise<AlertChannel> {
  if (config.to.length === 0) throw new BadConfig('/to', 'At least one address is needed.')
  if ((config.username === undefined) !== (config.password === undefined))
    throw new BadConfig(config.username === undefined ? '/username' : '/password', 'User and password go together.')
  if (config.password !== undefined && config.security === 'none')
    throw new BadConfig('/security', 'A password is not sent without encryption.')
  const subject = await openTemplate('/subject', config.subject)
  const text = await openTemplate('/text', config.text)
  const html = config.html ? await openTemplate('/html', config.html, { escape: escapeHtml }) : undefined
  const secrets = [config.password]

  return {
    deliver: (notification, { signal }) =>
      answerOf(async () => {
        const values = toValues(notification)
        const mail = toMail(notification, {
          from: config.from,
          to: config.to,
          subject: escapeLine(subject.render(values)).trim(),
          text: text.render(values),
          ...(html ? { html: html.render(values) } : {}),
        })
        return send(config, mail, { signal: stop ? AbortSignal.any([stop, signal]) : signal, secrets })
      }, secrets),
  }
}
