import { BackupError } from './backup/errors.ts'
import { ConfigurationFault } from './configuration/files.ts'
import { backupCommand, restoreCommand } from './operate/backup.ts'
import { type Command, CommandRefused } from './operate/command.ts'
import { copyCommand } from './operate/copy.ts'
import { applyCommand, exportCommand, planCommand } from './operate/configuration.ts'
import { diagnosticsCommand } from './operate/diagnostics.ts'
import { doctorCommand } from './operate/doctor.ts'
import { SettingsError } from './settings/settings-error.ts'

const commands: Readonly<Record<string, Command>> = {
  backup: backupCommand,
  restore: restoreCommand,
  copy: copyCommand,
  doctor: doctorCommand,
  diagnostics: diagnosticsCommand,
  export: exportCommand,
  plan: planCommand,
  apply: applyCommand,
}

/** Said to the person without a stack; a fault of ours comes with it. */
const isRefusal = (error: unknown): error is Error =>
  error instanceof SettingsError ||
  error instanceof BackupError ||
  error instanceof ConfigurationFault ||
  error instanceof CommandRefused ||
  (error instanceof Error && 'syscall' in error)

/** The commands of who operates a platform: exit code 0 done, 1 not done, 2 asked wrongly. */
const [verb = '', ...args] = process.argv.slice(2)
const command = Object.hasOwn(commands, verb) ? commands[verb] : undefined
try {
  const outcome = await command?.run(args, { env: process.env, print: (line) => console.log(line) })
  process.exitCode = outcome?.code ?? 2
  const everything = Object.values(commands).map(({ usage }) => usage)
  // A report goes where it can be piped from, whatever it came to.
  if (outcome) console.log(outcome.text)
  else console.error(command?.usage ?? everything.join('\n'))
} catch (error) {
  process.exitCode = error instanceof SettingsError ? 2 : 1
  console.error(isRefusal(error) ? error.message : error)
}
