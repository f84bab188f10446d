import { isTest, lineCount, type SourceFile } from './source-files.ts'

/** A file stops here; tests excepted. */
export const hardStop = 400
/** From here on a file needs a reason, in this list. */
export const needsReason = 250
export const longFiles: ReadonlyMap<string, string> = new Map([
  [
    'packages/server/src/stores/sqlite/sqlite-telemetry.ts',
    'every call of the port, over the two threads that do the work',
  ],
  ['packages/server/src/stores/mongodb/mongo-telemetry.ts', 'every call of the port, over the parts that do the work'],
  ['packages/plugin-host/src/context.ts', 'every member of the context, each held against the manifest'],
  [
    'packages/plugin-host/src/slot.ts',
    'what is stored of an instance and what lives of it, kept together at every step',
  ],
  ['packages/server/src/platform.ts', 'the wiring of all parts, read from top to bottom once'],
  ['console/src/pages/rules/rule-page.vue', 'one form over all fields of a rule'],
  ['console/src/pages/gateway/route-fields.vue', 'one form over all fields of a route'],
  ['console/src/pages/gateway/simulator-tab.vue', 'weights, ring and moves are one state, seen while it is dragged'],
  ['console/src/pages/gateway/upstream-fields.vue', 'one form over all fields of an upstream'],
  ['packages/server/src/parts/domain.ts', 'the wiring of all parts of core, read from top to bottom once'],
  ['packages/core/src/devices/directory.ts', 'every change of a device, by this node and by others, in one closure'],
  ['packages/core/src/commands/commands.ts', 'the whole life of a command in one closure over its open ones'],
  ['packages/core/src/rules/engine.ts', 'the one place where rules, devices, readings and time meet'],
  ['packages/core/src/rules/intake.ts', 'one loop over rows, which is as fast as it is because it is one'],
  ['packages/core/src/rules/rules.ts', 'reads, checks and keeps rules in one closure over those in memory'],
  ['packages/core/src/sessions/hub.ts', 'the one place of core where its parts are joined'],
  ['packages/core/src/sessions/live-session.ts', 'one class that fills the whole Session contract'],
  [
    'packages/contracts/src/plugin.ts',
    'the manifest, an instance and a plugin as REST shows them: one closed vocabulary',
  ],
  ['packages/testkit/src/start-plugin.ts', 'everything that a started plugin gives to its test, wired in one place'],
  ['packages/plugin-host/src/errors.ts', 'one catalogue, a few lines for each code'],
  ['packages/plugin-host/src/host.ts', 'every call on instances goes through the same few closures'],
  ['packages/plugin-host/src/instance.ts', 'one state machine: split, its transitions could not be read together'],
  [
    'plugins/adapter-mqtt/src/inbound-publishes.ts',
    'one message’s way from its bytes to its acknowledgement, in one order',
  ],
  ['plugins/adapter-mqtt/src/outbound-queue.ts', 'one state machine of a message on its way out'],
  ['plugins/adapter-amqp/src/channel.ts', 'windows, handles and outcomes of an AMQP session are one state'],
  ['plugins/adapter-amqp/src/connection.ts', 'one state machine from the first byte to the goodbye'],
])

const bannedNames = new Set([
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'manager',
  'service',
  'base',
  'misc',
  'shared',
])
/** The two barrels and the plugins' entries. */
const indexAllowed = /^(packages\/(sdk|testkit)\/src|plugins\/[^/]+\/src)\/index\.ts$/
/** Where a person at the terminal is spoken to, or programs are written out for one; everything else logs. */
const consoleAllowed =
  /^(scripts\/|bench\/|console\/src\/pages\/devices\/snippets\/|packages\/server\/src\/(main|banner|operate)\.ts$|packages\/(cli|create-plugin)\/src\/main\.ts$)/
const kebab = /^[a-z0-9]+(-[a-z0-9]+)*((\.quiet)?\.test)?\.(ts|mjs|js|vue)$|^env\.d\.ts$/

function checkName(path: string): string | undefined {
  const parts = path.split('/')
  const name = parts.at(-1) ?? ''
  const stem = name.replace(/((\.quiet)?\.test)?\.\w+$/, '')
  const banned = [...parts.slice(0, -1), stem].find((part) => bannedNames.has(part))
  if (banned !== undefined) return `is called ${banned}, which says nothing of what it holds`
  if (stem === 'index' && !indexAllowed.test(path)) return 'is a barrel: only sdk, testkit and plugins have an index.ts'
  return kebab.test(name) ? undefined : 'is not named in kebab-case'
}

function checkLength({ path, text }: SourceFile): string | undefined {
  if (isTest(path)) return undefined
  const lines = lineCount(text)
  if (lines > hardStop) return `has ${lines} lines; ${hardStop} is the end`
  if (lines <= needsReason) return undefined
  return longFiles.has(path) ? undefined : `has ${lines} lines and no reason in the list of long files`
}

const checkConsole = ({ path, text }: SourceFile): string | undefined =>
  !isTest(path) && !consoleAllowed.test(path) && /^(?!\s*(\/\/|\*)).*\bconsole\.\w+\(/m.test(text)
    ? 'writes to the console instead of the log'
    : undefined

const checkDefault = ({ path, text }: SourceFile): string | undefined =>
  /^export default /m.test(text) &&
  !/^(plugins\/[^/]+\/src\/index\.ts|scripts\/totals-reporter\.ts)$/.test(path) &&
  !isTest(path)
    ? 'has a default export: only a plugin’s index.ts has one'
    : undefined

/** Every broken house rule, as `file why`. */
export const checkHouse = (files: readonly SourceFile[]): string[] =>
  files.flatMap((file) =>
    [checkName(file.path), checkLength(file), checkConsole(file), checkDefault(file)].flatMap((why) =>
      why === undefined ? [] : [`${file.path} ${why}`],
    ),
  )
