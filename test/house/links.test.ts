import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './source-files.ts'

function* pages(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* pages(path)
    else if (entry.name.endsWith('.md')) yield path
  }
}

const all = [
  ...pages(join(root, 'docs')),
  ...readdirSync(root).flatMap((name) => (name.endsWith('.md') ? [join(root, name)] : [])),
]

const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const anchorsOf = (path: string) =>
  new Set([...readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading ?? '')))

test('every link inside the documentation leads somewhere', () => {
  expect(all.length).toBeGreaterThan(10)
  const broken: string[] = []
  for (const page of all) {
    const text = readFileSync(page, 'utf8').replaceAll(/```[\s\S]*?```/g, '')
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (!target || /^(https?|mailto):/.test(target)) continue
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : join(dirname(page), path)
      const there = existsSync(file) && (!anchor || anchorsOf(file).has(anchor))
      if (!there) broken.push(`${relative(root, page)}: ${target}`)
    }
  }
  expect(broken).toEqual([])
})
