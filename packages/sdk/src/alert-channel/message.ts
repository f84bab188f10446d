import type { Notification } from '@patchbay/contracts/notification'

/** Lines of a storm's list in the ready-made text. */
export const maxListedAlerts = 20
const maxValueChars = 500

const nameOf = ({ name, id }: { name?: string; id: string }): string =>
  name === undefined || name === id ? id : `${name} (${id})`

const valueText = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.length > maxValueChars ? `${text.slice(0, maxValueChars)}…` : text
}

const prefixOf = (kind: Notification['kind'], severity: string): string => {
  switch (kind) {
    case 'resolved':
      return 'RESOLVED'
    case 'severity':
      return `NOW ${severity}`
    case 'escalated':
      return `NOT ACKNOWLEDGED, ${severity}`
    case 'test':
      return 'TEST'
    default:
      return severity
  }
}

/** One line that says it all: `CRITICAL: Too hot (boiler-1)`, or of many at once `RESOLVED: 500 alerts of Too hot`. */
export function toHeadline({ kind, alert, rule, device, group }: Notification): string {
  const what = group ? `${group.count} alerts of ${rule.name}` : `${rule.name} (${nameOf(device)})`
  return `${prefixOf(kind, alert.severity.toUpperCase())}: ${what}`
}

/** What there is to know, a line each. */
export function toDetails(notification: Notification): string {
  const { alert, rule, device, group, link } = notification
  const listed = group?.alerts.slice(0, maxListedAlerts) ?? []
  const more = (group?.count ?? 0) - listed.length
  const lines = group
    ? [
        `Rule: ${rule.name}`,
        ...listed.map((each) => `${each.device}: ${each.severity}, ${valueText(each.value)}`),
        ...(more > 0 ? [`and ${more} more`] : []),
      ]
    : [
        `Rule: ${rule.name}`,
        `Device: ${nameOf(device)}${device.type === undefined ? '' : `, ${device.type}`}`,
        `Severity: ${alert.severity}, ${alert.state}`,
        `Value: ${valueText(alert.value)}`,
        `Why: ${alert.cause}`,
        `Since: ${alert.raisedAt}${alert.count > 1 ? `, seen ${alert.count} times` : ''}`,
        ...(alert.resolvedAt === undefined ? [] : [`Resolved: ${alert.resolvedAt}`]),
      ]
  return [...lines, ...(link === undefined ? [] : [link])].join('\n')
}

/** What templates see: the notification's own fields, and `headline` and `details` ready made. */
export const toValues = (notification: Notification): object => ({
  ...notification,
  headline: toHeadline(notification),
  details: toDetails(notification),
})

/** What a channel's test sends. `id` should be new each time, else a remote that leaves out repeats says nothing. */
export const toTestNotification = (id: string, at: string): Notification => ({
  id,
  kind: 'test',
  at,
  alert: {
    id: 'test',
    severity: 'info',
    state: 'open',
    raisedAt: at,
    count: 1,
    value: { temperature: 21.5 },
    cause: 'A person tries this channel',
  },
  rule: { id: 'test', name: 'Test of the channel' },
  device: { id: 'test-device', name: 'Test device', tags: [] },
})
