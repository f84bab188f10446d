// Rules over their whole life as a state machine: readings, time, clocks that are set, kills at any moment and restarts.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRuleWorld, type RuleWorld } from '../../test/rule-world.ts'
import { bodyOf } from '../../test/virtual-rule.ts'
import type { AlertSignal } from '../alerts/port.ts'

/** A step of a story. `kill`: the process dies after the commit and before its rules have looked. */
type Step =
  | { do: 'read'; value: number }
  | { do: 'pass'; seconds: number }
  | { do: 'jump'; seconds: number }
  | { do: 'restart' }
  | { do: 'kill'; value: number }

const holdSeconds = 60
const silenceSeconds = 120
/** Ticks, and what a fake clock passes at once. */
const slackMs = 1600
/** The last checkpoint before a kill lies so far back at most. */
const restartSlackMs = slackMs + 10_500

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('read' as const), value: fc.constantFrom(10, 50, 85, 95) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 90 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('jump' as const), seconds: fc.constantFrom(-3600, 3600, -10, 10) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), value: fc.constantFrom(10, 50, 85, 95) }) },
)

/** What rules should have told, by the real time that went by, in the plainest way that can be thought of. */
function createModel() {
  let nowMs = 0
  let value: number | undefined
  let hot = false
  let heldSince: number | undefined
  let held = false
  let seenMs: number | undefined
  let silent = false
  const told: { rule: string; kind: 'raise' | 'clear'; ms: number }[] = []
  const tell = (rule: string, kind: 'raise' | 'clear', ms: number) => told.push({ rule, kind, ms })
  return {
    told,
    pass(ms: number) {
      nowMs += ms
      if (heldSince !== undefined && !held && nowMs - heldSince >= holdSeconds * 1000) {
        held = true
        tell('hold', 'raise', heldSince + holdSeconds * 1000)
      }
      if (seenMs !== undefined && !silent && nowMs - seenMs >= silenceSeconds * 1000) {
        silent = true
        tell('quiet', 'raise', seenMs + silenceSeconds * 1000)
      }
    },
    read(next: number) {
      value = next
      if (value > 90 && !hot) tell('hot', 'raise', nowMs)
      if (value < 40 && hot) tell('hot', 'clear', nowMs)
      hot = hot ? value >= 40 : value > 90
      if (value > 80) heldSince ??= nowMs
      else {
        heldSince = undefined
        if (held) tell('hold', 'clear', nowMs)
        held = false
      }
      seenMs = nowMs
      if (silent) tell('quiet', 'clear', nowMs)
      silent = false
    },
    get open() {
      return { hot, hold: held, quiet: silent }
    },
  }
}

async function addRules({ rules }: Awaited<ReturnType<RuleWorld['start']>>): Promise<void> {
  const hot = { levels: [{ severity: 'critical' as const, when: 'value > 90.0' }], clear: 'value < 40.0' }
  await rules.create({ ...bodyOf(hot), id: 'hot' }, 'user:ada')
  const hold = { levels: [{ severity: 'major' as const, when: 'value > 80.0', for: `${holdSeconds}s` }] }
  await rules.create({ ...bodyOf(hold), id: 'hold' }, 'user:ada')
  await rules.create({ ...bodyOf({ noData: `${silenceSeconds}s` }), id: 'quiet' }, 'user:ada')
}

/** Runs a story; answers what was told and when, in real time since the beginning. */
async function live(
  steps: readonly Step[],
): Promise<{ told: { signal: AlertSignal; ms: number }[]; model: ReturnType<typeof createModel>; endMs: number }> {
  const world = createRuleWorld()
  const model = createModel()
  await world.addDevice('a')
  let server = await world.start()
  await addRules(server)
  const beganMs = world.clock.monotonicMs()
  const told: { signal: AlertSignal; ms: number }[] = []
  world.alerts.hear = (signal) => told.push({ signal, ms: world.clock.monotonicMs() - beganMs })
  const follow = (): void => model.pass(world.clock.monotonicMs() - beganMs - passed)
  let passed = 0
  const settle = (): void => {
    follow()
    passed = world.clock.monotonicMs() - beganMs
  }
  for (const each of steps) {
    switch (each.do) {
      case 'read':
        settle()
        model.read(each.value)
        await server.send('a', { value: each.value })
        await server.rules.caughtUp()
        break
      case 'pass':
        await server.pass(each.seconds)
        break
      case 'jump':
        world.clock.jump(each.seconds * 1000)
        await server.pass(1)
        break
      case 'restart':
        await server.rules.close()
        server = await world.start()
        await server.pass(1)
        break
      case 'kill':
        server.kill()
        settle()
        model.read(each.value)
        await server.send('a', { value: each.value })
        server = await world.start()
        await server.rules.caughtUp()
        await server.pass(1)
        break
    }
    settle()
  }
  await server.pass(2)
  settle()
  expect(world.faults).toEqual([])
  await server.rules.close()
  return { told, model, endMs: passed }
}

test('no raise is lost, none is doubled, and timers are right, whatever happens', async () => {
  const seed = Number(process.env['PATCHBAY_TEST_SEED'] ?? Math.trunc(Math.random() * 2 ** 31))
  console.log(`rules' life: seed ${seed}`)
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      const { told, model, endMs } = await live(steps)
      for (const rule of ['hot', 'hold', 'quiet'] as const) {
        const mine = told.filter(({ signal }) => signal.rule === rule && signal.kind !== 'repeat')
        const wanted = model.told.filter((each) => each.rule === rule)
        // What was due as the story ended may still have been on its way.
        const last = wanted.at(-1)
        const lateMs = rule === 'quiet' ? restartSlackMs : slackMs
        if (last && last.ms > endMs - lateMs && mine.length === wanted.length - 1) wanted.pop()
        // How long the platform was away is known to some seconds: silence that ended within them may not have been one.
        const pairs = rule === 'quiet' ? wanted.length : 0
        for (let i = 0; i < Math.min(pairs, wanted.length); i += 2) {
          const [raise, clear] = [wanted[i], wanted[i + 1]]
          const told = mine[i]
          if (!raise || !clear || clear.ms - raise.ms > restartSlackMs) continue
          if (!told || told.ms > clear.ms + slackMs) {
            wanted.splice(i, 2)
            i -= 2
          }
        }
        expect(mine.map(({ signal }) => signal.kind)).toEqual(wanted.map(({ kind }) => kind))
        // Raise and clear take turns: never two open.
        for (const [i, { signal }] of mine.entries()) expect(signal.kind).toBe(i % 2 === 0 ? 'raise' : 'clear')
        for (const [i, { ms }] of mine.entries()) {
          const should = wanted[i]?.ms ?? 0
          expect(ms - should).toBeGreaterThanOrEqual(-20)
          expect(ms - should).toBeLessThanOrEqual(lateMs)
        }
      }
      expect(new Set(told.map(({ signal }) => signal.id)).size).toBe(told.length)
    }),
    { seed, numRuns: process.env['PATCHBAY_TEST_LONG'] === '1' ? 1000 : 60 },
  )
}, 120_000)
