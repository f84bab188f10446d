import { median, toTable, toText } from '../table.ts'
import { findContenders } from './contenders.ts'
import { type StoresOptions, toOptions, usage } from './options.ts'
import { createPlayer, type Player, type Turn } from './turn.ts'

const say = (line: string): void => console.log(line)

async function compare(options: StoresOptions): Promise<boolean> {
  const { contenders, missing } = findContenders(options.nodes, process.env)
  for (const line of missing) say(`left out: ${line}`)
  const players = new Map<string, Player>()
  const turns = new Map<string, Turn[]>()
  try {
    for (const { name, start } of contenders) {
      try {
        players.set(name, await createPlayer(await start(), options.clients))
      } catch (error) {
        say(`left out: ${name}: ${error instanceof Error ? error.message.trim() : String(error)}`)
      }
    }
    // Alternating rounds: whatever else the machine does in a minute falls on all of them.
    for (let round = 1; round <= options.rounds; round++) {
      for (const [name, player] of players) {
        const turn = await player.play(options)
        turns.set(name, [...(turns.get(name) ?? []), turn])
        for (const trouble of turn.troubles) say(`TROUBLE in round ${round} of ${name}: ${trouble}`)
      }
    }
  } finally {
    for (const player of players.values()) await player.stop()
  }
  const rows = [...turns].map(([name, all]) => {
    const middle = (of: (turn: Turn) => number | undefined, digits: number) => toText(median(all.map(of)), digits)
    return [
      name,
      middle(({ messagesPerSecond }) => messagesPerSecond, 0),
      middle(({ ackP50Ms }) => ackP50Ms, 1),
      middle(({ ackP99Ms }) => ackP99Ms, 1),
      middle(({ cpuMicrosPerMessage }) => cpuMicrosPerMessage, 0),
      middle(({ queryP50Ms }) => queryP50Ms, 1),
      toText(all.at(-1)?.bytesPerPoint, 1),
    ]
  })
  say(toTable(['store', 'messages/s', 'ack p50 ms', 'p99 ms', 'CPU µs/message', 'query ms', 'bytes/point'], rows))
  return rows.length > 0 && ![...turns.values()].flat().some(({ troubles }) => troubles.length > 0)
}

try {
  const options = toOptions(process.argv.slice(2))
  if (options === undefined) say(usage)
  else process.exitCode = (await compare(options)) ? 0 : 1
} catch (error) {
  console.error(`bench:stores: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
process.exit()
