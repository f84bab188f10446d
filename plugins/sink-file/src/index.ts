import { randomUUID } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { definePlugin, type Sink } from '@patchbay/sdk'
import { answerOfWrite, verifySink } from '@patchbay/sdk/sink'
import { config, toMs } from './config.ts'
import { createEndedFiles } from './ended-files.ts'
import { linesOf } from './lines.ts'
import { isEnded, type LogFile, openLogFile } from './log-file.ts'

const bytesPerMb = 1024 * 1024

const toSink = (file: LogFile, format: 'jsonl' | 'csv'): Sink => ({
  write: (records, { signal }) =>
    answerOfWrite(async () => {
      signal.throwIfAborted()
      await file.append(Buffer.from(linesOf(format).of(records)))
    }),
})

const quiet = { rotateBytes: Infinity, rotateMs: Infinity, nowMs: Date.now, ended: () => undefined }

export default definePlugin({
  config,
  verify: ({ format }, signal, about) =>
    verifySink(
      {
        async open() {
          const folder = (await about.dataFolder?.()) ?? ''
          // Beside the instance's own files, and gone after the test.
          const ending = `probe-${randomUUID()}`
          const path = join(folder, `current.${ending}`)
          const { head } = linesOf(format)
          const file = await openLogFile({ ...quiet, folder, ending, head })
          return {
            sink: toSink(file, format),
            async readBack(probe) {
              const text = await readFile(path, 'utf8')
              if (text !== head + linesOf(format).of([probe]))
                throw new Error(`What was written to ${path} is not there.`)
              return `Wrote and read ${text.length} bytes in ${folder}.`
            },
            async close() {
              await file.close()
              await rm(path, { force: true })
            },
          }
        },
      },
      signal,
      about,
    ),
  async setup(ctx) {
    const { format, rotateMb, rotateEvery, compress, keepFiles } = ctx.config
    const folder = await ctx.dataFolder()
    const ended = createEndedFiles({
      folder,
      isEnded: isEnded(format),
      compress,
      keepFiles,
      signal: ctx.signal,
      failed: (err) => ctx.log.error('ended files could not be looked after; it is tried again with the next', { err }),
    })
    const file = await openLogFile({
      folder,
      ending: format,
      head: linesOf(format).head,
      rotateBytes: rotateMb * bytesPerMb,
      rotateMs: toMs(rotateEvery),
      nowMs: Date.now,
      ended: ended.tend,
    })
    ctx.own('files', async () => {
      await ended.close()
      await file.close()
    })
    ended.tend()
    ctx.sink('file', toSink(file, format))
  },
})
