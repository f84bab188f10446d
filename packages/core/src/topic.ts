/** The topics of the platform, made and taken apart in this one place. */

export const maxTopicBytes = 512
export const maxTopicLevels = 32

export const topics = {
  telemetry: (device: string) => `devices/${device}/telemetry`,
  telemetryKey: (device: string, key: string) => `devices/${device}/telemetry/${key}`,
  reported: (device: string) => `devices/${device}/shadow/reported`,
  desired: (device: string) => `devices/${device}/shadow/desired`,
  command: (device: string, command: string) => `devices/${device}/commands/${command}`,
  reply: (device: string, command: string) => `devices/${device}/commands/${command}/reply`,
  heartbeat: (device: string) => `devices/${device}/heartbeat`,
  provisionRequest: 'provision/request',
  provisionResponse: 'provision/response',
}

/** Topics and filters that only sessions of provisioning keys have a use for. */
export const isProvisioning = (topicOrFilter: string): boolean =>
  topicOrFilter.startsWith('provision') && /^provision(?:\/|$)/.test(topicOrFilter)

/** What a topic is to the platform; `message` is everything that only brokers carry. */
export type TopicMeaning =
  | { kind: 'telemetry'; device: string; key?: string; plain?: boolean }
  | { kind: 'reported'; device: string }
  | { kind: 'reply'; device: string; command: string }
  | { kind: 'heartbeat'; device: string }
  | { kind: 'down'; device: string }
  | { kind: 'provisioning'; isRequest: boolean }
  | { kind: 'message'; device?: string }

/** Reads a publish topic. `plain` marks `sensors/{id}/{measurement}`: one number and nothing else. */
export function meaningOf(topic: string): TopicMeaning {
  if (isProvisioning(topic)) return { kind: 'provisioning', isRequest: topic === topics.provisionRequest }
  const levels = topic.split('/')
  const [root, device, area, name, last] = levels
  if (root === 'sensors' && device && area && levels.length === 3) {
    return { kind: 'telemetry', device, key: area, plain: true }
  }
  if (root !== 'devices' || !device) return { kind: 'message' }
  if (area === 'telemetry') {
    if (levels.length === 3) return { kind: 'telemetry', device }
    if (levels.length === 4 && name) return { kind: 'telemetry', device, key: name }
  }
  if (area === 'shadow' && levels.length === 4) {
    if (name === 'reported') return { kind: 'reported', device }
    if (name === 'desired') return { kind: 'down', device }
  }
  if (area === 'commands' && name) {
    if (levels.length === 4) return { kind: 'down', device }
    if (levels.length === 5 && last === 'reply') return { kind: 'reply', device, command: name }
  }
  if (area === 'heartbeat' && levels.length === 3) return { kind: 'heartbeat', device }
  return { kind: 'message', device }
}
