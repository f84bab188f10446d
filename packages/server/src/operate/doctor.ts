import { diagnose } from '../doctor/doctor.ts'
import type { Finding } from '../doctor/finding.ts'
import type { Command } from './command.ts'

const toLines = ({ check, state, text, remedy }: Finding): string[] => [
  `${state.padEnd(4)}  ${check}: ${text}`,
  ...(remedy === undefined ? [] : [`      → ${remedy}`]),
]

const summaryOf = (findings: readonly Finding[]): string => {
  const count = (state: Finding['state']): number => findings.filter((each) => each.state === state).length
  return `${count('fail')} to mend, ${count('warn')} to look at, ${count('ok')} as they should be`
}

export const doctorCommand: Command = {
  usage: 'npm run doctor [-- --json]                           checks every setting and connection and says what to do',
  async run(args, { env }) {
    const [format, ...more] = args
    if (more.length > 0 || (format !== undefined && format !== '--json')) return undefined
    const { ok, badSettings, findings } = await diagnose(env)
    const text = format
      ? JSON.stringify({ ok, findings }, undefined, 2)
      : [...findings.flatMap(toLines), summaryOf(findings)].join('\n')
    return { code: ok ? 0 : badSettings ? 2 : 1, text }
  },
}
