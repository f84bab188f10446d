#!/usr/bin/env node
import { run } from './run.ts'

const ending = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
const { code, text } = await run(process.argv.slice(2), {
  env: process.env,
  print: (line) => console.log(line),
  signal: ending.signal,
})
if (code === 0) console.log(text)
else console.error(text)
process.exitCode = code
