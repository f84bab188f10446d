import { createHash } from 'node:crypto'
import type { RedisArgument, SharedConnection } from '@patchbay/sdk'
import { scripts, type Script } from './scripts.ts'

const digests = new Map<Script, string>()

function digestOf(script: Script): string {
  let digest = digests.get(script)
  if (digest === undefined) {
    digest = createHash('sha1').update(scripts[script]).digest('hex')
    digests.set(script, digest)
  }
  return digest
}

/** Runs a script by its digest, and gives Redis its text when it has forgotten it. */
export async function runScript(
  { call }: Pick<SharedConnection, 'call'>,
  prefix: string,
  script: Script,
  args: readonly RedisArgument[],
): Promise<unknown> {
  try {
    return await call('EVALSHA', digestOf(script), 1, prefix, ...args)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('NOSCRIPT')) throw error
    return call('EVAL', scripts[script], 1, prefix, ...args)
  }
}
