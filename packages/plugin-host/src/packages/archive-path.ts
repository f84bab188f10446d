import { HostError } from '../errors.ts'

const maxPathChars = 200
const maxDepth = 12
/** The folder that `npm pack` puts everything in. */
const top = 'package'
/** Letters, digits and little more: one spelling for a name on every file system. */
const segment = /^[A-Za-z0-9@_+.-]{1,100}$/
/** Names that some systems take for devices, whatever follows the dot. */
const device = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i

const refuse = (path: string, why: string): HostError =>
  new HostError(
    'PACKAGE_PATH_REFUSED',
    `The archive holds ${JSON.stringify(path.slice(0, maxPathChars))}, which ${why}.`,
  )

/** Where an entry lies inside its package, or undefined for the top folder itself. Throws for whatever could lie elsewhere. */
export function toArchivePath(path: string): string | undefined {
  if (path.length > maxPathChars) throw refuse(path, `is longer than ${maxPathChars} characters`)
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) throw refuse(path, 'is an absolute path')
  const segments = path.replace(/\/$/, '').split('/')
  if (segments.includes('..')) throw refuse(path, 'leads out of the package')
  if (segments.length > maxDepth) throw refuse(path, `is deeper than ${maxDepth} folders`)
  for (const name of segments)
    if (!segment.test(name) || name === '.' || name.endsWith('.') || device.test(name))
      throw refuse(path, 'has a name that is not made of letters, digits and @ _ + - . alone')
  if (segments[0] !== top) throw refuse(path, `does not lie in the folder ${top}/ that npm pack makes`)
  return segments.length === 1 ? undefined : segments.slice(1).join('/')
}

/** Knows the names that were there: one that is a second spelling of another, or both a file and a folder, is refused. */
export function createNameGuard(): (path: string, kind: 'file' | 'folder') => void {
  const known = new Map<string, { path: string; kind: 'file' | 'folder' }>()
  const add = (path: string, kind: 'file' | 'folder'): void => {
    // On some systems README.md and readme.md are one file.
    const key = path.toLowerCase()
    const other = known.get(key)
    if (other === undefined) return void known.set(key, { path, kind })
    if (other.path !== path) throw refuse(path, `differs from ${other.path} in nothing but case`)
    if (other.kind !== kind) throw refuse(path, 'is a file and a folder at once')
    if (kind === 'file') throw refuse(path, 'is there twice')
  }
  return (path, kind) => {
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) add(path.slice(0, at), 'folder')
    add(path, kind)
  }
}
