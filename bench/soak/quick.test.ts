import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const timeoutMs = 60_000

test(
  'a short soak holds its connections and stores what it acknowledged',
  async () => {
    const short = '--connections 100 --rate 500 --seconds 1 --warm-up 0 --processes 1'.split(' ')
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...short], { timeout: timeoutMs })
    expect(stdout).not.toContain('TROUBLE')
    const figures = new Map(
      stdout.split('\n').map((line) => {
        const [, name = '', figure = ''] = line.split('|').map((cell) => cell.trim())
        return [name, figure] as const
      }),
    )
    expect(figures.get('connections held')).toBe('100 of 100')
    expect(Number(figures.get('stored'))).toBeGreaterThan(250)
    expect(figures.get('acknowledged')).toBe(figures.get('stored'))
    expect(Number.parseFloat(figures.get('loop delay p50, p99, max') ?? '')).toBeGreaterThan(0)
    expect(Number.parseFloat(figures.get('memory (RSS), last minute') ?? '')).toBeGreaterThan(50)
  },
  timeoutMs,
)
