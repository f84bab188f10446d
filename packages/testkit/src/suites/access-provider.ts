import type { AccessProvider, AllowedLogin, Plugin } from '@patchbay/sdk'
import { describe, expect, test } from 'vitest'
import { type StartedPlugin, startPlugin, type StartOptions } from '../start-plugin.ts'

/** What one answer may take; later counts as deny. */
export const answerMs = 1_000

type Answer = 'allow' | 'deny' | AllowedLogin | undefined

export interface AccessProviderContract {
  plugin: Plugin
  options: StartOptions
  /** As the manifest names it. */
  provider: string
  badConfig: unknown
  connect?: readonly { who: Parameters<NonNullable<AccessProvider['connect']>>[0]; answer: Answer }[]
  decide?: readonly { question: Parameters<NonNullable<AccessProvider['decide']>>[0]; answer: Answer }[]
}

const clean = { failures: [], left: [] }

/** What every access provider must do. Call it inside a test file of the plugin. */
export function accessProviderContract(contract: AccessProviderContract): void {
  const providerOf = (host: StartedPlugin): AccessProvider => {
    const found = host.accessProviders.get(contract.provider)
    if (!found) throw new TypeError(`The plugin does not contribute ${contract.provider}.`)
    return found
  }
  const inTime = async (ask: () => Promise<Answer> | undefined): Promise<Answer> => {
    const startedMs = performance.now()
    const answer = await ask()
    expect(performance.now() - startedMs).toBeLessThan(answerMs)
    return answer
  }

  describe('access provider contract', () => {
    test('is there while the plugin runs and gone when it stopped', async () => {
      const host = await startPlugin(contract.plugin, contract.options)
      expect(host.accessProviders.has(contract.provider)).toBe(true)
      const first = host.stop()
      expect(host.stop()).toBe(first)
      expect(await first).toEqual(clean)
      expect(host.accessProviders.size).toBe(0)
    })

    test('refuses a bad configuration', async () => {
      const state = await startPlugin(contract.plugin, { ...contract.options, config: contract.badConfig }).then(
        async (host) => {
          const reached = host.status.state
          await host.stop()
          return reached
        },
        () => 'needs-config',
      )
      expect(state).toBe('needs-config')
    })

    test('answers in time, and abstains where it has nothing to say', async () => {
      const host = await startPlugin(contract.plugin, contract.options)
      const provider = providerOf(host)
      for (const { who, answer } of contract.connect ?? [])
        expect(await inTime(() => provider.connect?.(who))).toEqual(answer)
      for (const { question, answer } of contract.decide ?? [])
        expect(await inTime(() => provider.decide?.(question))).toEqual(answer)
      expect(await host.stop()).toEqual(clean)
    })

    test('answers many at once', async () => {
      const host = await startPlugin(contract.plugin, contract.options)
      const provider = providerOf(host)
      const cases = [...(contract.decide ?? [])]
      const answers = await Promise.all(
        cases.flatMap((of) => Array.from({ length: 20 }, async () => provider.decide?.(of.question))),
      )
      expect(answers).toEqual(cases.flatMap((of) => Array.from({ length: 20 }, () => of.answer)))
      expect(await host.stop()).toEqual(clean)
    })
  })
}
