import { ownUrl } from '../doctor/ports.ts'
import { loadSettings } from '../settings/load-settings.ts'
import { readSettings } from '../settings/settings.ts'
import { SettingsError } from '../settings/settings-error.ts'
import { isFields } from '../configuration/plain-value.ts'
import { CommandRefused, type Terminal } from './command.ts'

/** What a running platform may take to answer. */
const answerMs = 60_000

export interface RemoteAnswer {
  text: string
  bytes: Buffer
  json(): unknown
}

export type Remote = (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<RemoteAnswer>

const refusalIn = (text: string, status: number): string => {
  try {
    const body: unknown = JSON.parse(text)
    if (isFields(body) && typeof body['detail'] === 'string') return `${String(body['code'])}: ${body['detail']}`
  } catch {
    // No problem body: the status has to do.
  }
  return `it answered ${status}`
}

/** The REST of a running platform: that of this machine, or the one that `--server` names; with the key of PATCHBAY_API_KEY. */
export async function openRemote({ env }: Terminal, server: string | undefined): Promise<Remote> {
  // Of this machine's data folder nothing is asked for another one.
  const settings = server === undefined ? await loadSettings(env) : readSettings(env)
  const { apiKey } = settings
  const url = (server ?? ownUrl(settings)).replace(/\/+$/, '')
  if (apiKey === undefined)
    throw new SettingsError('PATCHBAY_API_KEY', 'is not set', 'give the API key that this may use; it needs the rights')
  return async (method, path, body) => {
    let response: Response
    let bytes: Buffer
    try {
      response = await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(answerMs),
        redirect: 'error',
      })
      bytes = Buffer.from(await response.arrayBuffer())
    } catch (cause) {
      const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause)
      throw new CommandRefused(`${url} does not answer (${why}). Start Patchbay there, or name another by --server.`, {
        cause,
      })
    }
    const text = bytes.toString('utf8')
    if (!response.ok) throw new CommandRefused(`${url} refused it. ${refusalIn(text, response.status)}`)
    return { text, bytes, json: (): unknown => JSON.parse(text) }
  }
}
