import { expect, test } from 'vitest'
import { walkSamples } from './profile.ts'
import { stageOf } from './stage-rules.ts'

const frame = (name: string, url = ''): { name: string; url: string } => ({ name, url })
const read = [frame('onStreamRead', 'node:internal/stream_base_commons')]
const gate = frame('takePublish', 'file:///x/plugins/adapter-mqtt/src/publish-gate.ts')

test('a sample belongs to the part that is nearest to where it was taken', () => {
  expect(stageOf([frame('memcpy'), ...read])).toBe('socket read')
  expect(stageOf([gate, ...read])).toBe('MQTT adapter')
  expect(stageOf([frame('writeBuffer'), frame('handleWriteReq', 'node:x'), gate, ...read])).toBe('socket write')
  expect(stageOf([frame('Writable.write', 'node:internal/streams/writable'), gate])).toBe('socket write')
  expect(stageOf([frame('')])).toBe('anything else')
})

test('only samples of the measured time are walked, with the time until the next', () => {
  const node = (id: number, name: string, children: number[]) => ({
    id,
    callFrame: { functionName: name, url: '' },
    children,
  })
  const profile = {
    nodes: [node(1, '(root)', [2]), node(2, 'a', [3]), node(3, 'b', [])],
    samples: [2, 3, 3, 2],
    timeDeltas: [10, 10, 10, 10],
    startTime: 1000,
  }
  const seen: string[] = []
  walkSamples(profile, { fromMicros: 1015, toMicros: 1035 }, (stack, micros) => {
    seen.push(`${stack.map(({ name }) => name).join('<')} ${micros}`)
  })
  expect(seen).toEqual(['b<a<(root) 10', 'b<a<(root) 10'])
})
