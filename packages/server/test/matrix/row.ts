import type { TestDevice } from '../harness/api.ts'

/** What each protocol must answer: the columns of docs/protocols/matrix.md. */
export const cases = [
  'connect',
  'wrong secret',
  'revoked',
  'own topic',
  'foreign topic',
  'too large',
  'too deep',
  'command down',
  'reply up',
  'kill -9 after ack',
] as const
export type Case = (typeof cases)[number]

/** A device with the credentials of every protocol. */
export interface Credentials extends TestDevice {
  preSharedKey: string
}

export interface Place {
  port: number
  ca: Buffer
  caFile: string
  /** For files of programs. */
  folder: string
}

export interface Command {
  id: string
  name: string
  params?: unknown
}

/** One protocol, transport and client. Every answer is what came over the wire, in the protocol's words. */
export interface Row {
  protocol: string
  transport: string
  /** The program, or `ours`. */
  client: string
  /** Whether its client is on this machine. */
  here: boolean
  answers: Record<Case, string>
  /** Logs in and leaves; where a protocol has no login without a message, it publishes `own`. */
  connect(place: Place, login: Credentials, own: Sample): Promise<string>
  publish(place: Place, login: Credentials, sample: Sample): Promise<string>
  /** Subscribes to the device's commands and takes the first, as the protocol acknowledges it. */
  takeCommand(place: Place, login: Credentials): Promise<Command>
}

export interface Sample {
  topic: string
  payload: string
}

/** The cells that are alike everywhere: what they come to is asked of the platform, not of the client. */
export const settled = {
  'command down': 'delivered',
  'reply up': 'succeeded',
  'kill -9 after ack': 'stored',
} as const

/** A command as a subscriber hears it: the topic ends with its id. */
export const toCommand = (topic: string, text: string): Command => ({
  id: topic.slice(topic.lastIndexOf('/') + 1),
  ...JSON.parse(text),
})
