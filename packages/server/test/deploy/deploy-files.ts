import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../../../', import.meta.url))
export const readText = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Whether a program is there and answers this. */
export const answers = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore', timeout: 10_000 }).status === 0

/** The secrets as deploy/make-env.sh prints them. */
export const makeSecrets = (): Record<string, string> => {
  const made = spawnSync('sh', [join(root, 'deploy/make-env.sh')], { encoding: 'utf8', timeout: 10_000 })
  const lines = made.stdout.split('\n').filter((line) => /^[A-Z_]+=/.test(line))
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]))
}
