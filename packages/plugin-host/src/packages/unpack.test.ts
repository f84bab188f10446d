import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isHostError } from '../errors.ts'
import { archiveLimits } from './archive-limits.ts'
import { packArchive, type TarEntry, toTar, toTarEntry } from './pack.ts'
import { readArchive, unpackArchive } from './unpack.ts'

let root: string
let folder: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'patchbay-unpack-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'out-'))
})

const bytes = (text: string): Buffer => Buffer.from(text)
const good: TarEntry[] = [
  { path: 'package/plugin.json', bytes: bytes('{}') },
  { path: 'package/dist/index.js', bytes: bytes('export default 1\n') },
]
const archiveOf = (...entries: TarEntry[]): Buffer => gzipSync(toTar([...good, ...entries]))
/** The code of the refusal, and how many files lie outside the folder afterwards. */
const refusalOf = async (archive: Uint8Array): Promise<string> => {
  try {
    await unpackArchive(archive, folder)
  } catch (error) {
    if (isHostError(error)) return error.code
    throw error
  }
  return 'taken'
}
const outside = async (): Promise<string[]> => (await readdir(root)).filter((name) => !name.startsWith('out-'))
const pax = (key: string, value: string, type = 'x'): TarEntry => {
  const rest = ` ${key}=${value}\n`
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return { path: 'PaxHeader', type, bytes: bytes(length + rest) }
}

describe('an archive', () => {
  test('as npm packs it is unpacked, and nothing in it is executable', async () => {
    expect(await refusalOf(archiveOf(pax('mtime', '1.5'), { path: 'package/a.js', bytes: bytes('a') }))).toBe('taken')
    expect((await readdir(folder, { recursive: true })).toSorted()).toEqual([
      'a.js',
      'dist',
      'dist/index.js',
      'plugin.json',
    ])
    expect(await readFile(join(folder, 'dist/index.js'), 'utf8')).toBe('export default 1\n')
  })

  test('packed twice is the same, whatever the order of the files', async () => {
    const files = [
      { path: 'b', bytes: bytes('2') },
      { path: 'a', bytes: bytes('1') },
    ]
    expect(packArchive(files)).toEqual(packArchive(files.toReversed()))
    const read = []
    for await (const { path } of readArchive(packArchive(files))) read.push(path)
    expect(read).toEqual(['a', 'b'])
  })

  const hostile: [string, TarEntry[], string][] = [
    ['leads out of its folder', [{ path: 'package/../../evil', bytes: bytes('x') }], 'PACKAGE_PATH_REFUSED'],
    ['leads out by an extended header', [pax('path', '../evil'), { path: 'package/a' }], 'PACKAGE_PATH_REFUSED'],
    ['has an absolute path', [{ path: '/tmp/evil' }], 'PACKAGE_PATH_REFUSED'],
    ['has a drive letter', [{ path: 'C:/evil' }], 'PACKAGE_PATH_REFUSED'],
    ['has a backslash', [{ path: 'package\\..\\evil' }], 'PACKAGE_PATH_REFUSED'],
    ['lies elsewhere than in package/', [{ path: 'other/evil' }], 'PACKAGE_PATH_REFUSED'],
    ['has an empty part', [{ path: 'package//evil' }], 'PACKAGE_PATH_REFUSED'],
    ['has the name of a device', [{ path: 'package/nul.js' }], 'PACKAGE_PATH_REFUSED'],
    ['has a name with a control character', [{ path: 'package/a\nb' }], 'PACKAGE_PATH_REFUSED'],
    ['has a file twice', [{ path: 'package/plugin.json', bytes: bytes('[]') }], 'PACKAGE_PATH_REFUSED'],
    ['has two spellings of a name', [{ path: 'package/Plugin.json' }], 'PACKAGE_PATH_REFUSED'],
    ['has two spellings of a folder', [{ path: 'package/Dist/a.js' }], 'PACKAGE_PATH_REFUSED'],
    ['has a file that is a folder, too', [{ path: 'package/plugin.json/a' }], 'PACKAGE_PATH_REFUSED'],
    ['has a symbolic link', [{ path: 'package/l', type: '2', link: '/etc/passwd' }], 'PACKAGE_ENTRY_REFUSED'],
    ['has a hard link', [{ path: 'package/l', type: '1', link: 'package/plugin.json' }], 'PACKAGE_ENTRY_REFUSED'],
    ['has a device', [{ path: 'package/d', type: '3' }], 'PACKAGE_ENTRY_REFUSED'],
    ['has a block device', [{ path: 'package/d', type: '4' }], 'PACKAGE_ENTRY_REFUSED'],
    ['has a pipe', [{ path: 'package/p', type: '6' }], 'PACKAGE_ENTRY_REFUSED'],
    ['has a sparse file', [{ path: 'package/s', type: 'S', sizeBytes: 5 * 1024 ** 3 }], 'PACKAGE_ENTRY_REFUSED'],
    [
      'has a sparse file of the pax form',
      [pax('GNU.sparse.major', '1'), { path: 'package/s' }],
      'PACKAGE_ENTRY_REFUSED',
    ],
    ['has a name of the GNU form', [{ path: '././@LongLink', type: 'L' }], 'PACKAGE_ENTRY_REFUSED'],
    ['says 5 GB', [{ path: 'package/s', sizeBytes: 5 * 1024 ** 3 }], 'PACKAGE_TOO_LARGE'],
    [
      'says 5 GB in an extended header',
      [pax('size', String(5 * 1024 ** 3)), { path: 'package/s' }],
      'PACKAGE_TOO_LARGE',
    ],
    ['has a huge extended header', [pax('comment', 'x'.repeat(20_000))], 'PACKAGE_TOO_LARGE'],
    ['names all entries at once', [pax('path', 'package/a', 'g')], 'PACKAGE_MALFORMED'],
    ['ends with an extended header', [pax('path', 'package/a')], 'PACKAGE_MALFORMED'],
  ]
  test.each(hostile)('that %s is refused', async (_name, entries, code) => {
    expect(await refusalOf(archiveOf(...entries))).toBe(code)
    expect(await outside()).toEqual([])
  })

  test('with a million entries is refused after the first thousand', async () => {
    const one = toTarEntry({ path: 'package/dist', type: '5' })
    const many = Buffer.concat(Array.from({ length: 30_000 }, () => one))
    const archive = gzipSync(many, { level: 1 })
    const million = Buffer.concat(Array.from({ length: 34 }, () => archive))
    // gzip members that follow each other are one stream.
    expect(await refusalOf(million)).toBe('PACKAGE_TOO_LARGE')
  })

  test('that unpacks to gigabytes is cut off', async () => {
    const zeros = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    const bomb = Buffer.concat(Array.from({ length: 80 }, () => zeros))
    expect(await refusalOf(bomb)).toMatch(/PACKAGE_(TOO_LARGE|MALFORMED)/)
    const behindTheEnd = Buffer.concat([gzipSync(toTar(good)), bomb])
    expect(await refusalOf(behindTheEnd)).toMatch(/PACKAGE_TOO_LARGE/)
  })

  test('with text of one letter is cut off by its ratio', async () => {
    const archive = archiveOf({ path: 'package/a', bytes: Buffer.alloc(15 * 1024 * 1024, 'a') })
    expect(await refusalOf(archive)).toBe('PACKAGE_TOO_LARGE')
  })

  test('that is larger than permitted is not looked at', async () => {
    expect(await refusalOf(Buffer.alloc(archiveLimits.packedBytes + 1))).toBe('PACKAGE_TOO_LARGE')
  })

  test.each([
    ['is empty', () => Buffer.alloc(0)],
    ['is no gzip', () => bytes('hello')],
    ['is cut off in gzip', () => archiveOf().subarray(0, 60)],
    ['has no end', () => gzipSync(toTar(good).subarray(0, 1024))],
    ['is cut off in a file', () => gzipSync(toTar(good).subarray(0, 600))],
    ['has something behind its end', () => gzipSync(Buffer.concat([toTar(good), bytes('x'.repeat(512))]))],
  ])('that %s is refused as damaged', async (_name, make) => {
    expect(await refusalOf(make())).toBe('PACKAGE_MALFORMED')
  })

  test('damaged anywhere is refused with a code or holds plain files in plain places', async () => {
    const seed = Number(process.env['PATCHBAY_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
    console.log(`archive mutations: seed ${seed}`)
    const whole = gunzipSync(archiveOf(pax('path', 'package/x'), { path: 'package/y', bytes: bytes('z'.repeat(700)) }))
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 24 }),
      fix: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const mutated = Buffer.from(whole)
        for (const { at, bytes: with_, fix } of changes) {
          mutated.set(with_.subarray(0, mutated.length - at), at)
          if (fix) fixChecksum(mutated, at - (at % 512))
        }
        try {
          for await (const { path } of readArchive(gzipSync(mutated, { level: 0 }))) {
            expect(path).toMatch(/^[A-Za-z0-9@_+.-]+(\/[A-Za-z0-9@_+.-]+)*$/)
            expect(path.split('/')).not.toContain('..')
          }
        } catch (error) {
          if (!isHostError(error)) throw error
        }
      }),
      { numRuns: 2000, seed },
    )
  })
})

/** So that changes get past the checksum of their header. */
const fixChecksum = (tar: Buffer, at: number): void => {
  tar.fill(' ', at + 148, at + 156)
  const sum = tar.subarray(at, at + 512).reduce((total, byte) => total + byte, 0)
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1')
}
