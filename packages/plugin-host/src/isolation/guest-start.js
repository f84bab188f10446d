// The first module beside a plugin's code. Plain JavaScript, so that the compile cache is on before the first TypeScript is read: with it
// the type stripper, which needs 50 MB, is not even loaded.
import { enableCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'

const folder = workerData?.compileCache ?? process.argv[2]
if (typeof folder === 'string') enableCompileCache(folder)

await import('./guest.ts')
