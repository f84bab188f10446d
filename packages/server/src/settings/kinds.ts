import type { NodeRole } from '@patchbay/contracts/node'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { Name } from '@patchbay/contracts/id'
import { Value } from 'typebox/value'
import { readCidr } from './addresses.ts'

/** What is wrong with a value and what to do; the reader adds the setting's name. */
export class Unfit extends Error {
  override readonly name = 'Unfit'
  readonly problem: string
  readonly remedy: string
  constructor(problem: string, remedy: string) {
    super(`${problem}; ${remedy}`)
    this.problem = problem
    this.remedy = remedy
  }
}

/** Turns the text of a variable into its value, or throws `Unfit`. */
export type Kind<T> = (text: string) => T

const longestShown = 60
const shown = (text: string) => JSON.stringify(text.length > longestShown ? `${text.slice(0, longestShown)}…` : text)

const list = (text: string) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

export const text: Kind<string> = (value) => value

export const port: Kind<number> = (value) => {
  if (/^(tcp|udp):\/\//.test(value)) {
    throw new Unfit(
      `is ${shown(value)}, which Kubernetes injects for a service of that name`,
      'rename the service, set enableServiceLinks: false in the pod, or give the port number here',
    )
  }
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
    throw new Unfit(`is ${shown(value)}, which is not a port`, 'give a whole number from 0 to 65535')
  }
  return Number(value)
}

export const bindAddress: Kind<string> = (value) => {
  if (/^[A-Za-z0-9._:-]{1,253}$/.test(value)) return value
  throw new Unfit(
    `is ${shown(value)}, which is not an address`,
    'give an IP address without brackets, or a host name, such as 127.0.0.1 or 0.0.0.0',
  )
}

const maxHostNames = 20
export const hostNames: Kind<readonly string[]> = (value) => {
  const items = list(value)
  const wrong = items.find((item) => isIP(item) === 0 && !/^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(item))
  if (wrong !== undefined)
    throw new Unfit(`holds ${shown(wrong)}, which is not a name`, 'give host names or IP addresses with commas between')
  if (items.length <= maxHostNames) return items
  throw new Unfit(`holds ${items.length} names`, `give ${maxHostNames} at most`)
}

export const choice =
  <const V extends string>(...values: readonly [V, ...V[]]): Kind<V> =>
  (value) => {
    const found = values.find((one) => one === value)
    if (found !== undefined) return found
    throw new Unfit(`is ${shown(value)}, which it cannot be`, `give one of ${values.join(', ')}`)
  }

export const userName: Kind<string> = (value) => {
  if (Value.Check(Name, value)) return value
  throw new Unfit(
    `is ${shown(value)}, which is not a user name`,
    'give a letter or digit, then up to 63 of letters, digits and . _ -',
  )
}

/** A secret's value is never shown. */
export const secret =
  (minLength: number, maxLength: number): Kind<string> =>
  (value) => {
    if (value.length < minLength) {
      throw new Unfit(
        `has ${value.length} characters, which is too short`,
        minLength >= 32 ? `give ${minLength} or more, such as from openssl rand -hex 32` : `give ${minLength} or more`,
      )
    }
    if (value.length > maxLength) {
      throw new Unfit(`has ${value.length} characters, which is too long`, `give ${maxLength} at most`)
    }
    return value
  }

export const key32: Kind<Buffer> = (value) => {
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length === 32 && /^[A-Za-z0-9+/_-]{43}=?$/.test(value)) return bytes
  throw new Unfit('is not 32 bytes in base64', 'give the output of openssl rand -base64 32')
}

export const paths: Kind<readonly string[]> = (value) => list(value).map((path) => resolve(path))

/** `name=key`: the key's 32 bytes in base64. */
export const publishers: Kind<readonly { name: string; publicKey: string }[]> = (value) =>
  list(value).map((item) => {
    const [name = '', publicKey = ''] = item.split(/=(.*)/s)
    if (Value.Check(Name, name) && /^[A-Za-z0-9+/]{43}=$/.test(publicKey)) return { name, publicKey }
    throw new Unfit(
      `holds ${shown(item)}, which is not a publisher`,
      'give name=key with commas between, the key being the 32 bytes of an Ed25519 public key in base64',
    )
  })

export const httpUrl: Kind<string> = (value) => {
  const url = URL.parse(value)
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new Unfit(`is ${shown(value)}, which is not an address`, 'give one such as https://iot.example.org')
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new Unfit('holds a user, a query or a fragment', 'give scheme, host and port only')
  }
  return value.replace(/\/+$/, '')
}

/** It may hold a password, so it is never shown. */
export const redisUrl: Kind<string> = (value) => {
  const url = URL.parse(value)
  if (url && (url.protocol === 'redis:' || url.protocol === 'rediss:') && url.hostname !== '') return value
  throw new Unfit('is not an address of a Redis', 'give one such as redis://:password@127.0.0.1:6379/0')
}

export const mongodbUrl: Kind<string> = (value) => {
  // Several hosts with commas between are no URL; the driver reads the rest at start.
  if (/^mongodb(\+srv)?:\/\/[^/?]+/.test(value)) return value
  throw new Unfit('is not an address of a MongoDB', 'give one such as mongodb://user:password@127.0.0.1:27017/patchbay')
}

export const cidrs: Kind<readonly string[]> = (value) => {
  const items = list(value)
  const wrong = items.find((item) => readCidr(item) === undefined)
  if (wrong === undefined) return items
  throw new Unfit(
    `holds ${shown(wrong)}, which is not an address block`,
    'give addresses or CIDRs with commas between, such as 10.0.0.0/8,::1',
  )
}

const maxFilterBytes = 512
export const topicFilters: Kind<readonly string[]> = (value) => {
  const items = list(value)
  const wrong = items.find((item) => !isFilter(item))
  if (wrong === undefined) return items
  throw new Unfit(`holds ${shown(wrong)}, which is not a topic filter`, 'give filters with commas between, # for all')
}

// [MQTT-4.7.1-1..3]: # stands last and alone in its level, + alone in its level.
function isFilter(filter: string): boolean {
  if (filter.includes('\0') || Buffer.byteLength(filter) > maxFilterBytes) return false
  const levels = filter.split('/')
  return levels.every((level, at) =>
    level.includes('#') ? level === '#' && at === levels.length - 1 : !level.includes('+') || level === '+',
  )
}

export const everyRole = ['front', 'worker', 'api'] as const
export const roles: Kind<readonly NodeRole[]> = (value) => {
  const items = list(value)
  if (items.length === 1 && items[0] === 'all') return everyRole
  const wrong = items.find((item) => !everyRole.some((role) => role === item))
  if (wrong !== undefined)
    throw new Unfit(`holds ${shown(wrong)}, which is no role`, 'give some of front, worker and api')
  return everyRole.filter((role) => items.includes(role))
}
