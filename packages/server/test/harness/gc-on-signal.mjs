// For a server under test (with --expose-gc): on SIGUSR2 collects what nobody holds, so that its memory shows what is held.
import { isMainThread } from 'node:worker_threads'

if (isMainThread)
  process.on('SIGUSR2', () => {
    globalThis.gc?.()
    process.stdout.write('collected\n')
  })
