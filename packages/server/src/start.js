// The entry of `npm start`. Plain JavaScript, so that the compile cache is on before the first TypeScript is read: with it the type
// stripper is not even loaded from the second start on, which saves start time and about 50 MB for good.
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

// Settings are checked in main; whatever stands here wrongly only costs the cache. Nothing is written outside the data folder.
const folder = join(process.env.PATCHBAY_DATA?.trim() || './data', 'cache', 'compile')
enableCompileCache(folder)
process.env.NODE_COMPILE_CACHE = folder // for the worker threads

await import('./main.ts')
