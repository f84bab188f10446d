import { cases, type Row } from './row.ts'

const introduction = `# What every protocol answers

The same device, topics, rights and limits by every protocol: what each says, in its own words. A test connects every client of this table
to the one port and compares (\`packages/server/test/matrix\`); this page is written by it.

- **too large**: a reading of 300,000 bytes. **too deep**: JSON of depth 33. **foreign topic**: another device's telemetry.
- **revoked**: a secret or key that was replaced. HTTP, CoAP and gRPC log in with each request, so there "connect" is a publish.
- **command down**: a command that waited reaches the device and becomes \`delivered\`; **reply up**: its reply makes it \`succeeded\`.
- **kill -9 after ack**: acknowledged readings are there after the server was killed and started again.
`

/** The page of the documentation that shows what the rows expect. */
export const toPage = (rows: readonly Row[]): string => {
  const head = ['protocol', 'over', 'client', ...cases]
  const lines = rows.map(({ protocol, transport, client, answers }) => [
    protocol,
    transport,
    client,
    ...cases.map((name) => answers[name]),
  ])
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i]?.length ?? 0)))
  const toLine = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return `${introduction}\n${[toLine(head), rule, ...lines.map(toLine)].join('\n')}\n`
}
