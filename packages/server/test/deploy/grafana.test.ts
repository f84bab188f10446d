import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readDashboards } from '../harness/grafana-files.ts'
import { readText } from './deploy-files.ts'

const compose: any = parse(readText('docker-compose.yml'), { merge: true })
const source: any = parse(readText('deploy/grafana/source.yaml')).datasources[0]

test('Grafana is given Patchbay as its data source, by the name and port that it has in compose', () => {
  expect(source).toMatchObject({ type: 'influxdb', user: 'key', jsonData: { version: 'InfluxQL' } })
  const { hostname, port } = new URL(source.url)
  expect(compose.services).toHaveProperty(hostname)
  expect(compose.services[hostname].ports.some((each: string) => each.endsWith(`:${port}`))).toBe(true)
  const networks = compose.services.grafana.networks
  expect(compose.services[hostname].networks.some((each: string) => networks.includes(each))).toBe(true)
  // The key comes from the environment of the container, not from the file.
  expect(compose.services.grafana.environment).toHaveProperty(source.secureJsonData.password.slice(1))
})

test('every file is mounted where Grafana looks for it', () => {
  const targets = new Map<string, string>(
    compose.services.grafana.configs.map((each: { source: string; target: string }) => [
      compose.configs[each.source].file,
      each.target,
    ]),
  )
  for (const file of targets.keys()) expect(readText(file).length).toBeGreaterThan(0)
  expect(targets.get('deploy/grafana/source.yaml')).toMatch(/^\/etc\/grafana\/provisioning\/datasources\//)
  expect(targets.get('deploy/grafana/dashboards.yaml')).toMatch(/^\/etc\/grafana\/provisioning\/dashboards\//)
  const [provider] = parse(readText('deploy/grafana/dashboards.yaml')).providers
  for (const { uid } of readDashboards()) {
    const file = `deploy/grafana/dashboards/${uid.replace('patchbay-', '')}.json`
    expect(targets.get(file)).toMatch(new RegExp(`^${provider.options.path}/`))
  }
})

test.each(readDashboards().map((each) => [each.title, each] as const))(
  'the dashboard %s has panels that fit and ask that data source',
  (_title, dashboard) => {
    expect(dashboard.panels.length).toBeGreaterThan(2)
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
    for (const { datasource, gridPos, targets } of dashboard.panels) {
      expect(datasource).toEqual({ type: source.type, uid: source.uid })
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      for (const target of targets)
        expect(target).toMatchObject({ rawQuery: true, query: expect.stringContaining('$timeFilter') })
    }
    for (const variable of dashboard.templating.list)
      expect(variable.datasource).toEqual({ type: source.type, uid: source.uid })
  },
)
