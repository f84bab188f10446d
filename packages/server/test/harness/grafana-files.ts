import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readText, root } from '../deploy/deploy-files.ts'

export interface Dashboard {
  uid: string
  title: string
  templating: { list: { name: string; query: string; datasource: { type: string; uid: string } }[] }
  panels: {
    id: number
    type: string
    title: string
    datasource: { type: string; uid: string }
    gridPos: { x: number; y: number; w: number; h: number }
    targets: { refId: string; query: string; rawQuery: boolean }[]
  }[]
}

const folder = 'deploy/grafana/dashboards'

/** The dashboards that come with the compose profile. */
export const readDashboards = (): Dashboard[] =>
  readdirSync(join(root, folder)).map((name) => JSON.parse(readText(`${folder}/${name}`)))

/** The query as Grafana sends it, with its own names and the dashboard's variables filled in: everything chosen. */
export const filledQuery = (query: string, from: string, to: string): string =>
  query
    .replaceAll('$timeFilter', `time >= ${from} and time <= ${to}`)
    .replaceAll('$__interval', '10s')
    .replaceAll('$measurement', '(temperature|counter)')
    .replaceAll('$device', '(a|b|c)')
