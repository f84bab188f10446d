/** What alerts need to know of a rule to tell people; read when something is to be told, so that a changed rule holds at once. */
export interface RuleTexts {
  id: string
  name: string
  channels: readonly string[]
  /** In any order; each step is taken once, so long after the alert was raised, while nobody has acknowledged it. */
  escalate: readonly { afterMicros: number; channels: readonly string[] }[]
}

export interface RuleBook {
  ruleOf(id: string): RuleTexts | undefined
}

/** What alerts say of a device, and what maintenance windows choose by. */
export interface DeviceFacts {
  name?: string
  type?: string
  tags: readonly string[]
}

export interface DeviceBook {
  /** Undefined when there is no such device (any more). Rejects with StoreUnavailable. */
  factsOf(device: string): Promise<DeviceFacts | undefined>
}
