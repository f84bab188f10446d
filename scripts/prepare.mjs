// What must be there before a start, in one process: the dependencies, then the console.
import './setup.mjs'

const { makeConsoleCurrent } = await import('../console/build.mjs')
await makeConsoleCurrent()
