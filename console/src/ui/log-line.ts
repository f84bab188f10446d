/** One line of a log as it is shown. */
export interface LogLine {
  at: string
  /** How it looks: '' is plain. */
  kind: '' | 'good' | 'warn' | 'bad' | 'info'
  label: string
  who?: string
  text: string
  detail?: string
}
