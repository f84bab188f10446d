import type { Codec, Plugin } from '@patchbay/sdk'
import { describe, expect, test } from 'vitest'
import { type StartedPlugin, startPlugin, type StartOptions } from '../start-plugin.ts'

/** Decoding happens between two messages of other devices: one payload may not hold them up longer. */
export const decodeMs = 20
const timedTries = 3

export interface CodecContract {
  plugin: Plugin
  options: StartOptions
  /** As the manifest names it. */
  codec: string
  /** Payloads and what they must come to. Left out `at` = the arrival time is used. */
  payloads: readonly {
    bytes: Uint8Array
    topic?: string
    readings: readonly { at?: number; values: Record<string, unknown> }[]
  }[]
  /** Payloads that must be refused by throwing. */
  malformed: readonly Uint8Array[]
}

const clean = { failures: [], left: [] }
const anyTopic = 'devices/d1/telemetry'
const isJsonValue = (value: unknown): boolean =>
  value === null || ['string', 'boolean', 'object'].includes(typeof value) || Number.isFinite(value)

/** What every codec must do. Call it inside a test file of the plugin. */
export function codecContract(contract: CodecContract): void {
  const codecOf = (host: StartedPlugin): Codec => {
    const found = host.codecs.get(contract.codec)
    if (!found) throw new TypeError(`The plugin does not contribute ${contract.codec}.`)
    return found
  }

  describe('codec contract', () => {
    test('is there while the plugin runs and gone when it stopped', async () => {
      const host = await startPlugin(contract.plugin, contract.options)
      expect(host.codecs.has(contract.codec)).toBe(true)
      expect(await host.stop()).toEqual(clean)
      expect(host.codecs.size).toBe(0)
    })

    test('decodes each payload to its readings, in time, and leaves the bytes alone', async () => {
      const host = await startPlugin(contract.plugin, contract.options)
      const codec = codecOf(host)
      for (const { bytes, topic = anyTopic, readings } of contract.payloads) {
        const before = Uint8Array.from(bytes)
        let decoded: Awaited<ReturnType<typeof codec.decode>> = []
        let quickestMs = Infinity
        // What disturbs the machine only adds time, so the quickest says what the codec takes.
        for (let tries = 0; tries < timedTries; tries++) {
          const startedMs = performance.now()
          decoded = await codec.decode(bytes, topic)
          quickestMs = Math.min(quickestMs, performance.now() - startedMs)
          expect(decoded).toEqual(readings)
          expect(Uint8Array.from(bytes)).toEqual(before)
        }
        expect(quickestMs).toBeLessThan(decodeMs)
        for (const { at, values } of decoded) {
          if (at !== undefined) expect(Number.isSafeInteger(at) && at >= 0).toBe(true)
          expect(Object.values(values).every(isJsonValue)).toBe(true)
        }
      }
      expect(await host.stop()).toEqual(clean)
    })

    test('keeps nothing from one message to the next', async () => {
      const host = await startPlugin(contract.plugin, contract.options)
      const codec = codecOf(host)
      const all = () =>
        Promise.all(contract.payloads.map(async ({ bytes, topic = anyTopic }) => codec.decode(bytes, topic)))
      expect(await all()).toEqual(await all())
      expect(await host.stop()).toEqual(clean)
    })

    test('throws on malformed payloads, on nothing at all and on every cut payload that it does not understand', async () => {
      const host = await startPlugin(contract.plugin, contract.options)
      const codec = codecOf(host)
      const decode = async (bytes: Uint8Array, topic: string) => codec.decode(bytes, topic)
      for (const bytes of contract.malformed) await expect(decode(bytes, anyTopic)).rejects.toThrow(Error)
      for (const { bytes, topic = anyTopic } of contract.payloads) {
        for (let length = 0; length < bytes.length; length++) {
          try {
            expect(Array.isArray(await decode(bytes.subarray(0, length), topic))).toBe(true)
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
          }
        }
      }
      expect(await host.stop()).toEqual(clean)
    })
  })
}
