import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { createArchive } from '../diagnostics/archive.ts'
import { askReady } from '../doctor/ports.ts'
import { loadSettings } from '../settings/load-settings.ts'
import type { Command } from './command.ts'
import { openRemote } from './remote.ts'

export const diagnosticsCommand: Command = {
  usage:
    'npm run diagnostics -- <new .tar.gz> [--server URL]  versions, settings, state and last log lines, without secrets',
  async run(args, terminal) {
    let parsed
    try {
      parsed = parseArgs({ args: [...args], options: { server: { type: 'string' } }, allowPositionals: true })
    } catch {
      // An option that there is not: the usage says which there are.
      return undefined
    }
    const [file, ...more] = parsed.positionals
    const { server } = parsed.values
    if (file === undefined || more.length > 0) return undefined
    const settings = await loadSettings(terminal.env)
    const isRunning = server !== undefined || (await askReady(settings)) !== undefined
    const archive = isRunning
      ? (await (await openRemote(terminal, server))('GET', '/api/v1/system/diagnostics')).bytes
      : await createArchive({ settings, env: terminal.env, nowMs: Date.now() })
    await writeFile(file, archive, { flag: 'wx', mode: 0o600 })
    const what = isRunning ? '' : ' No Patchbay answers here, so it has no state, metrics and log lines.'
    return { code: 0, text: `Wrote ${file}. Look at it before you send it: names and addresses are in it.${what}` }
  },
}
