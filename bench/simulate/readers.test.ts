import { describe, expect, test } from 'vitest'
import type { Reading } from './dataset.ts'
import { toExactJson } from './exact-json.ts'
import { readLorawan, toUplink } from './lorawan.ts'
import { toPointsOf } from './message.ts'
import { readNab, readSeries } from './nab.ts'
import { loadRecordings } from './recording.ts'
import { readShelly, toValues } from './shelly.ts'

const collect = async (readings: AsyncIterable<Reading>) => {
  const list: Reading[] = []
  for await (const reading of readings) list.push(reading)
  return list
}

describe('the sensor series', () => {
  test('are read whole, in order, with their own units', async () => {
    const { types, readings } = readNab()
    const list = await collect(readings)
    const machine = list.filter(({ device }) => device === 'machine-temperature')
    expect(machine).toHaveLength(22_695)
    expect(machine[0]).toEqual({
      device: 'machine-temperature',
      at: Date.UTC(2013, 11, 2, 21, 15),
      values: { temperature: 73.96732207 },
    })
    expect(new Set(list.map(({ device }) => device)).size).toBe(10)
    expect(types.get('machine-temperature')?.keys[0]?.unit).toBe('°F')
  })

  test('keep uneven distances', async () => {
    const travel = (await loadRecordings(['nab'])).find(({ device }) => device === 'travel-time-387')
    const gaps = new Set(travel?.readings.slice(0, 50).map(({ at }, i) => at - (travel.readings[i - 1]?.at ?? at)))
    expect(gaps.size).toBeGreaterThan(5)
  })

  test('a damaged line is an error, not a hole', async () => {
    for (const line of ['2015-07-10 14:24:00', '2015-07-10 14:24:00,', 'yesterday,5', '2015-07-10 14:24:00,much']) {
      await expect(collect(readSeries(['timestamp,value', line], 'd', 'k'))).rejects.toThrow('line 2')
    }
  })
})

describe('the LoRaWAN uplinks', () => {
  test('carry the decoded values as keys and the radio as a nested array', async () => {
    const list = await collect(readLorawan().readings)
    expect(list).toHaveLength(5)
    expect(list[1]?.values).toMatchObject({ CO2_ppm: 523, TempC_SHT: 25.1, fPort: 2 })
    expect(list[1]?.values['rxInfo']).toMatchObject([{ rssi: -37, uplinkId: 4_217_106_256 }])
  })

  test('a device clock in 1902 is told apart from the time of arrival', async () => {
    const [contact] = await collect(readLorawan().readings)
    expect(contact?.wrongAt).toBe(Date.UTC(1902, 8, 19, 0, 21, 20))
    expect(contact?.at).toBe(Date.parse('2026-07-18T09:10:15.775Z'))
  })

  test('an uplink without an id is an error', () => {
    expect(() => toUplink({ payload: { deviceInfo: {}, object: {}, time: 'now' } })).toThrow('devEui')
    expect(() => toUplink(null)).toThrow('payload')
  })
})

describe('the Shelly statuses', () => {
  test('keep keys with a colon, nested arrays and null', async () => {
    const [twoPm, threeEm] = await collect(readShelly().readings)
    expect(twoPm?.values['switch:0.aenergy']).toEqual({ by_minute: [0, 0, 0], minute_ts: 1_747_488_720, total: 0 })
    expect(threeEm?.values['em:0.a_voltage']).toBe(227)
    expect(threeEm?.values['em:0.n_current']).toBeNull()
    expect(threeEm?.at).toBe(1_747_561_101_000)
  })

  test('null is not counted as a point', () => {
    expect(toPointsOf(toValues({ 'em:0': { a: 1, n: null, list: [] }, up: true }))).toBe(3)
  })
})

describe('exact JSON', () => {
  test('an integer beyond 2^53 becomes text with all its digits; others stay numbers', () => {
    expect(toExactJson('[18446744073709551615, 9007199254740993, 9007199254740991, 1e300, -1.5]')).toEqual([
      '18446744073709551615',
      '9007199254740993',
      9_007_199_254_740_991,
      1e300,
      -1.5,
    ])
  })
})

test('every recorded device has a type and a distance to its next round', async () => {
  const recordings = await loadRecordings(['nab', 'lorawan', 'shelly'])
  expect(recordings).toHaveLength(17)
  for (const { type, roundGapMs } of recordings) {
    expect(type.id).toMatch(/^sim-[a-z0-9-]{1,60}$/)
    expect(roundGapMs).toBeGreaterThan(0)
  }
})
