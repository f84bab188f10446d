import { createFakeLog } from '@patchbay/testkit'
import { expect, test } from 'vitest'
import { createMetrics } from './metrics.ts'
import { createPluginMetrics, maxRows } from './plugin-metrics.ts'

const family = (name: string, rows: { labels?: Record<string, string>; value: number }[] = [{ value: 1 }]) =>
  ({ name, type: 'gauge', help: 'What\nit is', rows }) as const

test('figures of plugins stand beside the platform’s own, until the plugin stops', async () => {
  const log = createFakeLog()
  const plugins = createPluginMetrics(log)
  const metrics = createMetrics({ process: false, more: plugins.text })
  metrics.gauge({ name: 'patchbay_own', help: 'Own' }).set(3)
  const remove = plugins.add('a', () => [family('patchbay_a', [{ labels: { node: 'x"\\\n' }, value: 2 }])])
  expect((await metrics.text()).body).toContain('patchbay_own 3\n')
  expect((await metrics.text()).body).toContain(
    '# HELP patchbay_a What\\nit is\n# TYPE patchbay_a gauge\npatchbay_a{node="x\\"\\\\\\n"} 2\n',
  )
  remove()
  expect((await metrics.text()).body).not.toContain('patchbay_a')
  expect(log.lines).toEqual([])
})

test('a plugin that throws, or whose names are wrong or taken, takes nothing else with it, and is named once', () => {
  const log = createFakeLog()
  const plugins = createPluginMetrics(log)
  plugins.add('bad', () => {
    throw new TypeError('broken')
  })
  plugins.add('good', () => [family('patchbay_good')])
  plugins.add('rude', () => [
    family('patchbay_good'),
    family('node_cpu'),
    family('patchbay_x', [{ labels: { 'a-b': '' }, value: 1 }]),
  ])
  plugins.add('vast', () => [
    family(
      'patchbay_vast',
      Array.from({ length: maxRows + 1 }, (_, value) => ({ value })),
    ),
  ])
  plugins.text()
  const lines = plugins.text().split('\n')
  expect(lines.filter((line) => line.startsWith('patchbay_good'))).toEqual(['patchbay_good 1'])
  expect(lines.filter((line) => line.startsWith('patchbay_vast'))).toHaveLength(maxRows)
  expect(lines.join('\n')).not.toMatch(/node_cpu|patchbay_x/)
  expect(log.lines).toHaveLength(5)
})
