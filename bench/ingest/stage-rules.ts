import type { Frame, Profile } from './profile.ts'

/** Where the time of a sample belongs: the frame nearest to the leaf that a rule knows decides. */
interface Rule {
  stage: string
  url?: RegExp
  name?: RegExp
}

export const idle = 'idle'

const rules: readonly Rule[] = [
  { stage: idle, name: /^\(idle\)$/ },
  { stage: 'garbage collection', name: /^\(garbage collector\)$/ },
  { stage: 'native beside JavaScript (event loop, kernel)', name: /^\(program\)$/ },
  // The call into the kernel and what Node does around it; they come before ours, so that a write in the middle of ours is a write.
  { stage: 'socket write', name: /^(writeBuffer|writev|writeLatin1String|writeUtf8String)$/ },
  {
    stage: 'socket write',
    url: /^node:/,
    name: /(^|[._])(write\w*|handleWriteReq|afterWrite\w*|onWriteComplete|onwrite|clearBuffer|uncork|doWrite|finishMaybe)$/i,
  },
  { stage: 'post to worker', url: /stores\/sqlite\/(telemetry|worker-link|group-commit|worker-reply|hot-rows)\.ts$/ },
  { stage: 'post to worker', url: /^node:internal\/(worker|per_context\/messageport)/ },
  { stage: 'series of a device', url: /stores\/sqlite\/series-book\.ts$/ },
  { stage: 'batch', url: /core\/src\/ingest\/(batcher|columns)\.ts$/ },
  { stage: 'decode', url: /core\/src\/ingest\// },
  { stage: 'authorise', url: /core\/src\/(access\/|topic\.ts|sessions\/(target|access-check|topic-handle))/ },
  { stage: 'presence', url: /core\/src\/presence\// },
  { stage: 'accept and settle', url: /core\/src\/sessions\// },
  { stage: 'clock', url: /core\/src\/clock\.ts$/ },
  { stage: 'MQTT parse', url: /mqtt-packet|packet-(framing|reader|decoder)|framer|decoder/ },
  {
    stage: 'aedes',
    url: /node_modules\/(?:\.pnpm\/)?(aedes|fastparallel|fastseries|fastfall|reusify|retimer|mqemitter|hyperid)/,
  },
  { stage: 'MQTT adapter', url: /plugins\/adapter-mqtt\// },
  { stage: 'front door', url: /server\/src\/front-door\// },
  { stage: 'socket read', url: /^node:(net|internal\/(stream|streams|js_stream))/ },
  { stage: 'timers and microtasks', url: /^node:internal\/(timers|process)/ },
]

export function stageOf(stack: readonly Frame[]): string {
  for (const frame of stack) {
    for (const { stage, url, name } of rules) {
      if ((url?.test(frame.url) ?? true) && (name?.test(frame.name) ?? true)) return stage
    }
  }
  return 'anything else'
}

/** By a file that only it runs. */
export const isMainThread = ({ nodes }: Profile): boolean =>
  nodes.some(({ callFrame }) => callFrame.url.endsWith('server/src/platform.ts'))
