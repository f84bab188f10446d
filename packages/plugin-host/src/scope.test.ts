import { describe, expect, test, vi } from 'vitest'
import { systemClock } from './clock.ts'
import { HostError } from './errors.ts'
import { createScope } from './scope.ts'

const scopeOf = (options: Partial<Parameters<typeof createScope>[0]> = {}) =>
  createScope({ clock: systemClock, ...options })

describe('closing a scope', () => {
  test('releases newest first, one at a time', async () => {
    const scope = scopeOf()
    const steps: string[] = []
    for (const label of ['a', 'b', 'c'])
      scope.own(label, async () => {
        steps.push(`${label} begins`)
        await new Promise(setImmediate)
        steps.push(`${label} ends`)
      })
    expect(await scope.close()).toEqual({ failures: [], left: [] })
    expect(steps).toEqual(['c begins', 'c ends', 'b begins', 'b ends', 'a begins', 'a ends'])
  })

  test('withdraws what is to be withdrawn before the first release', async () => {
    const scope = scopeOf()
    const steps: string[] = []
    scope.own('old', () => void steps.push('old'))
    scope.ownFirst('route', () => void steps.push('route'))
    scope.own('new', () => void steps.push('new'))
    await scope.close()
    expect(steps).toEqual(['route', 'new', 'old'])
  })

  test('aborts the signal before the first release', async () => {
    const scope = scopeOf()
    let aborted = false
    scope.own('a', () => void (aborted = scope.signal.aborted))
    await scope.close()
    expect(aborted).toBe(true)
  })

  test('refuses a registration made by a release: it is released at once, then thrown', async () => {
    const scope = scopeOf()
    const late = vi.fn<() => void>()
    let thrown: unknown
    scope.own('a', () => {
      try {
        scope.own('late', late)
      } catch (error) {
        thrown = error
      }
    })
    await scope.close()
    expect(late).toHaveBeenCalledOnce()
    expect(thrown).toBeInstanceOf(HostError)
    expect(thrown).toMatchObject({ code: 'PLUGIN_STOPPED' })
  })

  test('refuses a registration made by an abort listener, before any release has run', async () => {
    const scope = scopeOf()
    const steps: string[] = []
    scope.own('a', () => void steps.push('a'))
    scope.signal.addEventListener('abort', () => {
      expect(() => scope.own('late', () => void steps.push('late'))).toThrow('taken while the instance stops')
    })
    await scope.close()
    expect(steps.toSorted()).toEqual(['a', 'late'])
  })

  test('refuses after the end, too, and tells when the late release fails', async () => {
    const lateFailed = vi.fn<(label: string, error: unknown) => void>()
    const scope = scopeOf({ lateFailed })
    await scope.close()
    const failure = new Error('no')
    expect(() => scope.own('late', () => Promise.reject(failure))).toThrow(HostError)
    await vi.waitFor(() => expect(lateFailed).toHaveBeenCalledWith('late', failure))
  })

  test('reports a failing release and one that hangs, and still runs the rest', async () => {
    const scope = scopeOf({ releaseMs: 20 })
    const last = vi.fn<() => void>()
    const failure = new Error('no')
    scope.own('last', last)
    scope.own('hangs', () => new Promise(() => undefined))
    scope.own('rejects', () => Promise.reject(failure))
    scope.own('throws', () => {
      throw failure
    })
    expect(await scope.close()).toEqual({
      failures: [
        { label: 'throws', error: failure },
        { label: 'rejects', error: failure },
      ],
      left: ['hangs'],
    })
    expect(last).toHaveBeenCalledOnce()
  })

  test('calls every release although the time of all is used up', async () => {
    const scope = scopeOf({ releaseMs: 10_000 })
    const last = vi.fn<() => void>()
    scope.own('last', last)
    scope.own('second', () => new Promise(() => undefined))
    scope.own('first', () => new Promise(() => undefined))
    expect(await scope.close(60)).toEqual({ failures: [], left: ['first', 'second'] })
    expect(last).toHaveBeenCalledOnce()
  })

  test('twice is the same promise and releases once, also when a release closes the scope', async () => {
    const scope = scopeOf()
    const release = vi.fn<() => void>(() => void scope.close())
    scope.own('a', release)
    const first = scope.close()
    expect(scope.close()).toBe(first)
    await first
    expect(scope.close()).toBe(first)
    expect(release).toHaveBeenCalledOnce()
  })

  test('does not release what its owner gave up', async () => {
    const scope = scopeOf()
    const release = vi.fn<() => void>()
    const giveUp = scope.own('a', release)
    giveUp()
    await scope.close()
    expect(release).not.toHaveBeenCalled()
    expect(scope.size).toBe(0)
  })
})

describe('every', () => {
  test('never runs work twice at once', async () => {
    const scope = scopeOf()
    let running = 0
    let most = 0
    let turns = 0
    scope.every(
      1,
      async () => {
        running += 1
        most = Math.max(most, running)
        await new Promise((resolve) => setTimeout(resolve, 5))
        running -= 1
        turns += 1
      },
      () => undefined,
    )
    await vi.waitFor(() => expect(turns).toBeGreaterThan(3))
    await scope.close()
    expect(most).toBe(1)
    const after = turns
    expect(running).toBe(0)
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(turns).toBe(after)
  })

  test('a throw is told once and ends the turns', async () => {
    const scope = scopeOf()
    const failed = vi.fn<(error: unknown) => void>()
    const work = vi.fn<() => void>(() => {
      throw new Error('no')
    })
    scope.every(1, work, failed)
    await vi.waitFor(() => expect(failed).toHaveBeenCalledOnce())
    await scope.close()
    expect(work).toHaveBeenCalledOnce()
  })

  test('closing waits for the turn that runs', async () => {
    const scope = scopeOf()
    let done = false
    let began: () => void = () => undefined
    const begun = new Promise<void>((resolve) => (began = resolve))
    scope.every(
      1,
      async () => {
        began()
        await new Promise((resolve) => setTimeout(resolve, 10))
        done = true
      },
      () => undefined,
    )
    await begun
    await scope.close()
    expect(done).toBe(true)
  })
})
