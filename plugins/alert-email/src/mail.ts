import { createHash } from 'node:crypto'
import type { Notification } from '@patchbay/sdk'

const maxSubjectChars = 250

export interface Content {
  from: string
  to: readonly string[]
  subject: string
  text: string
  html?: string
}

export interface Mail extends Omit<Content, 'to'> {
  to: string[]
  date: Date
  messageId: string
  references: string
  headers: Record<string, string>
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

/**
 * The same notification is the same mail at each try: one Message-ID, one date, so that a mailbox that got it twice can tell. All mails of one
 * alert refer to one id, which makes mail programs show them together.
 */
export function toMail(notification: Notification, content: Content): Mail {
  const domain = /@([^@\s<>]+)>?$/.exec(content.from)?.[1] ?? 'patchbay'
  return {
    ...content,
    to: [...content.to],
    subject: content.subject.slice(0, maxSubjectChars) || 'Alert',
    date: new Date(notification.at),
    messageId: `<${digest(notification.id)}@${domain}>`,
    references: `<${digest(`alert ${notification.alert.id}`)}@${domain}>`,
    // RFC 3834: nobody's holiday answers this.
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Patchbay-Notification': notification.id.slice(0, 200) },
  }
}
