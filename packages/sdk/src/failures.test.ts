import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { BadConfig, failureKind, isBadConfig, isNotReady, isRefused, NotReady, Refused } from './failures.ts'
import { peerOf, setPeer } from './peer.ts'

describe('failures', () => {
  test('say what they are, and keep their cause', () => {
    const cause = new Error('below')
    expect(new NotReady('later', { cause })).toMatchObject({ name: 'NotReady', message: 'later', cause })
    expect(new BadConfig('/host', 'no')).toMatchObject({ name: 'BadConfig', path: '/host' })
    expect(new Refused('quota', 'LOGIN_RATE', 'rate', 'slow')).toMatchObject({
      name: 'Refused',
      reason: 'quota',
      code: 'LOGIN_RATE',
      step: 'rate',
    })
  })

  test('are told apart, also when another copy of the SDK made them', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('patchbay.failure')]: 'not-ready' })
    expect([isNotReady(foreign), isBadConfig(foreign), isRefused(foreign)]).toEqual([true, false, false])
    expect(isBadConfig(new BadConfig('/a', 'b'))).toBe(true)
    expect(isRefused(new Refused('quota', 'A', 'b', 'c'))).toBe(true)
  })

  test.each([
    undefined,
    null,
    'text',
    new Error('x'),
    { name: 'NotReady' },
    { [Symbol.for('patchbay.failure')]: 'other' },
  ])('anything else is none: %s', (error) => expect(failureKind(error)).toBeUndefined())
})

describe('the peer of a request', () => {
  test('is what the host noted, else an error', () => {
    const raw = new IncomingMessage(new Socket())
    expect(() => peerOf({ raw })).toThrow(TypeError)
    setPeer(raw, { socket: raw.socket, address: '10.0.0.1', encrypted: true, listener: 'main' })
    expect(peerOf({ raw })).toMatchObject({ address: '10.0.0.1', encrypted: true })
  })
})
