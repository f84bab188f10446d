// What must hold before a change is handed in: format, lint (circular imports too), types, house rules, generated files. One line each.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const bin = (name: string) => join(root, 'node_modules', '.bin', name)

interface Step {
  name: string
  command: string
  args: readonly string[]
}

const steps: readonly Step[] = [
  { name: 'format', command: bin('oxfmt'), args: ['--check', '.'] },
  { name: 'lint, circular imports', command: bin('oxlint'), args: ['--type-aware'] },
  { name: 'types', command: bin('tsc'), args: ['-p', '.'] },
  { name: 'types of the console', command: join(root, 'console/node_modules/.bin/vue-tsc'), args: ['-p', 'console'] },
  { name: 'house rules, import directions', command: bin('vitest'), args: ['run', 'test/house'] },
  { name: 'generated files', command: process.execPath, args: ['scripts/generate.ts', '--check'] },
]

/** Runs a step; its output is kept back and shown only when it fails. */
function run({ command, args }: Step): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, [...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.once('error', (error) => resolve({ ok: false, output: `${output}${error.message}\n` }))
    child.once('close', (code) => resolve({ ok: code === 0, output }))
  })
}

let failed = 0
for (const step of steps) {
  const began = performance.now()
  const { ok, output } = await run(step)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  if (!ok) {
    failed++
    process.stdout.write(output)
  }
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${step.name} (${seconds} s)`)
}
console.log(failed === 0 ? 'check: all good' : `check: ${failed} of ${steps.length} failed`)
process.exitCode = failed === 0 ? 0 : 1
