import { pino } from 'pino'
import { type Platform, type PlatformOptions, startPlatform } from '../../src/platform.ts'
import { loadSettings } from '../../src/settings/load-settings.ts'
import { makeDataFolder, testKey } from './server-process.ts'

export interface InProcess {
  platform: Platform
  port: number
  url: string
  /** The data folder. */
  data: string
  /** Lines of the log, for tests that look for a sentence. */
  lines: string[]
  close(): Promise<void>
}

/** The whole platform inside the test's process: for what can only be seen from inside, such as heap and handles. */
export const startInProcess = async (
  more: Partial<Pick<PlatformOptions, 'bundled' | 'clock' | 'compileAtStart' | 'configurationLookMs'>> & {
    env?: Record<string, string>
    data?: string
  } = {},
): Promise<InProcess> => {
  // A folder that is given outlives the server: for what must survive a restart.
  const data = more.data === undefined ? await makeDataFolder() : { path: more.data, remove: async () => undefined }
  const lines: string[] = []
  const settings = await loadSettings({
    PATCHBAY_PORT: '0',
    PATCHBAY_MQTT_PORT: '0',
    PATCHBAY_MQTTS_PORT: '0',
    PATCHBAY_COAP_PORT: '0',
    PATCHBAY_COAPS_PORT: '0',
    PATCHBAY_AMQP_PORT: '0',
    PATCHBAY_DATA: data.path,
    PATCHBAY_API_KEY: testKey,
    ...more.env,
  })
  const platform = await startPlatform({
    settings,
    recentLog: () => lines,
    ...(more.env ? { env: more.env } : {}),
    logger: pino({ level: 'info' }, { write: (line) => void lines.push(line) }),
    onFatal: (error) => {
      throw error
    },
    ...(more.bundled ? { bundled: more.bundled } : {}),
    ...(more.compileAtStart ? { compileAtStart: true } : {}),
    ...(more.configurationLookMs ? { configurationLookMs: more.configurationLookMs } : {}),
    ...(more.clock ? { clock: more.clock } : {}),
  })
  const port = platform.frontDoor.listeners().find(({ name }) => name === 'main')?.port ?? 0
  return {
    platform,
    port,
    url: `http://127.0.0.1:${port}`,
    data: data.path,
    lines,
    async close() {
      await platform.stop()
      await data.remove()
    },
  }
}
