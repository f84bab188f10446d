import { expect, test } from 'vitest'
import { createListenerHealth } from './listener-health.ts'

test('an instance is degraded while any of its listeners is', () => {
  const said: string[] = []
  const hear = createListenerHealth({
    health: (state, why) => said.push(why === undefined ? state : `${state} ${why}`),
  })
  hear('coap')('degraded', 'taken')
  hear('coaps')('listening', undefined)
  hear('coaps')('degraded', undefined)
  hear('coap')('listening', undefined)
  hear('coaps')('listening', undefined)
  expect(said).toEqual([
    'degraded coap: taken',
    'degraded coap: taken',
    'degraded coap: taken coaps: it does not listen',
    'degraded coaps: it does not listen',
    'ok',
  ])
})
