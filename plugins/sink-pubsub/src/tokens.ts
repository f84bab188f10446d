import { readFile } from 'node:fs/promises'
import { type Account, readAccount, toToken } from './service-account.ts'

/** A token that ends so soon is not used any more. */
const marginMs = 300_000
const metadataMs = 3_000
/** Of the machines, functions and pods of Google's cloud. */
const metadataHost = 'metadata.google.internal'
const metadataPath = '/computeMetadata/v1/instance/service-accounts/default/token'

interface Token {
  token: string
  endsMs: number
}

/** Gives tokens, the same for as long as it holds. */
export type Tokens = () => Promise<string>

/** The service account of the machine, as only the machine itself can ask. */
async function askMachine(env: NodeJS.ProcessEnv): Promise<Token> {
  const host = env['GCE_METADATA_HOST'] ?? metadataHost
  let answer: Response
  try {
    answer = await fetch(`http://${host}${metadataPath}`, {
      headers: { 'metadata-flavor': 'Google' },
      redirect: 'error',
      signal: AbortSignal.timeout(metadataMs),
    })
  } catch (cause) {
    throw new Error(
      'There are no credentials: enter the key of a service account, or name its file by GOOGLE_APPLICATION_CREDENTIALS.',
      { cause },
    )
  }
  const said: unknown = answer.ok ? await answer.json() : undefined
  const of = (name: string): unknown =>
    typeof said === 'object' && said !== null ? Reflect.get(said, name) : undefined
  const [token, seconds] = [of('access_token'), of('expires_in')]
  if (typeof token !== 'string' || typeof seconds !== 'number')
    throw new Error(`The machine gave no token of its service account: ${answer.status}.`)
  return { token, endsMs: Date.now() + seconds * 1000 }
}

/** Tokens of the account that is configured, that GOOGLE_APPLICATION_CREDENTIALS names, or of the machine. */
export function createTokens(credentials: string | undefined, env: NodeJS.ProcessEnv = process.env): Tokens {
  let account: Account | undefined
  let held: Token | undefined
  const next = async (): Promise<Token> => {
    const file = env['GOOGLE_APPLICATION_CREDENTIALS']
    if (!account && (credentials || file)) account = readAccount(credentials ?? (await readFile(file ?? '', 'utf8')))
    return account ? toToken(account, Date.now()) : askMachine(env)
  }
  return async () => {
    if (!held || held.endsMs - marginMs < Date.now()) held = await next()
    return held.token
  }
}
