import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

/**
 * Knows the processes of plugins by what the platform writes, and kills those that are left when the platform closes its end: that is also what
 * a platform does that was killed itself. Signals to the whole group, such as Ctrl-C, are the platform's to answer.
 */
const script = `
trap '' HUP INT TERM
pids=' '
while read -r op pid; do
  case $op in
    +) pids="$pids$pid " ;;
    -) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -9 "$pid"; done
`

const watched = new Set<number>()
let watcher: Writable | undefined

const open = (): Writable => {
  const child = spawn('/bin/sh', ['-c', script], { env: {}, stdio: ['pipe', 'ignore', 'ignore'] })
  const { stdin } = child
  const gone = (): void => {
    if (watcher === stdin) watcher = undefined
  }
  // Without a shell nobody watches, and the plugin runs all the same. One that ended is opened again for the next plugin.
  child.once('error', gone).once('exit', gone)
  stdin.on('error', gone)
  // It must not keep the platform from ending: with that it ends, too.
  child.unref()
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  for (const pid of watched) stdin.write(`+ ${pid}\n`)
  return stdin
}

/** A process of a plugin that must not outlive the platform, even when its code never comes to rest. Call the answer when it has ended. */
export function watchOrphan(pid: number): () => void {
  if (process.platform === 'win32') return () => undefined
  if (watcher) watcher.write(`+ ${pid}\n`)
  watched.add(pid)
  watcher ??= open()
  return () => {
    if (watched.delete(pid)) watcher?.write(`- ${pid}\n`)
  }
}
