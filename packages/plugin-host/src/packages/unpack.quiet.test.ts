import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { toTar } from './pack.ts'
import { readArchive } from './unpack.ts'

const mebibyte = 1024 * 1024

test('a bomb of 5 GB takes less than 64 MiB of memory before it is refused', async () => {
  const zeros = gzipSync(Buffer.alloc(64 * mebibyte))
  const bomb = Buffer.concat([gzipSync(toTar([{ path: 'package/a' }])), ...Array.from({ length: 80 }, () => zeros)])
  const before = process.memoryUsage().rss
  const read = async (): Promise<void> => {
    for await (const { bytes } of readArchive(bomb)) expect(bytes.length).toBe(0)
  }
  await expect(read()).rejects.toMatchObject({ code: 'PACKAGE_TOO_LARGE' })
  const grown = process.memoryUsage().rss - before
  console.log(`bomb of 5 GB: memory grew by ${Math.round(grown / mebibyte)} MiB`)
  expect(grown).toBeLessThan(64 * mebibyte)
})
