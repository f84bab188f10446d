/** What a command at the terminal came to: 0 done, 1 not done, 2 asked wrongly. */
export interface CommandOutcome {
  code: 0 | 1 | 2
  text: string
}

export interface Terminal {
  env: Readonly<Record<string, string | undefined>>
  /** Lines of work that takes a while. */
  print(line: string): void
}

export interface Command {
  /** One line each: how it is called and what it does. */
  usage: string
  /** Undefined = asked wrongly; the usage is shown. */
  run(args: readonly string[], terminal: Terminal): Promise<CommandOutcome | undefined>
}

/** What is said to the person at the terminal without a stack: nothing is broken, something was refused. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused'
}
