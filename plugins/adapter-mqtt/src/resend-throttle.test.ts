import { describe, expect, it } from 'vitest'
import { ResendThrottle } from './resend-throttle.ts'

const message = Buffer.from('1')

describe('a client that resends a refused message', () => {
  it('waits from the fifth time in a minute on, each time longer, up to a minute', () => {
    let nowMs = 1_000_000
    const throttle = new ResendThrottle(() => nowMs)
    for (let time = 1; time <= 4; time++) expect(throttle.refused('c', 't', message)).toBe(false)
    const waits: number[] = []
    for (let time = 0; time < 9; time++) {
      expect(throttle.refused('c', 't', message)).toBe(true)
      waits.push(throttle.waitMs('c') / 1000)
      nowMs += throttle.waitMs('c')
      expect(throttle.waitMs('c')).toBe(0)
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60])
  })

  it('begins anew with another message, another client, or after a minute of quiet', () => {
    let nowMs = 1_000_000
    const throttle = new ResendThrottle(() => nowMs)
    for (let time = 1; time <= 4; time++) throttle.refused('c', 't', message)
    expect(throttle.refused('d', 't', message)).toBe(false)
    expect(throttle.refused('c', 'u', message)).toBe(false)
    for (let time = 1; time <= 3; time++) expect(throttle.refused('c', 'u', message)).toBe(false)
    nowMs += 61_000
    expect(throttle.refused('c', 'u', message)).toBe(false)
    expect(throttle.waitMs('c')).toBe(0)
  })
})
