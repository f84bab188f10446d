import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { HostError, toText } from '../errors.ts'
import { readJson } from '../manifest/read.ts'
import { signatureFile, type TreeHash } from './tree-hash.ts'

/** Says what is signed, so that no signature of something else fits. */
const context = 'patchbay plugin v1\n'

/** `signature.json`: Ed25519 over the list of the package's files. Content only: no host and no address is bound. */
export const Signature = Type.Object(
  {
    signature: Type.Literal(1),
    publicKey: Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' }),
    value: Type.String({ pattern: '^[A-Za-z0-9+/]{86}==$' }),
  },
  { additionalProperties: false },
)

/** Who is trusted: a name for people, and the 32 bytes of the key in base64. */
export interface Publisher {
  name: string
  publicKey: string
}

const toKey = (publicKey: string): KeyObject =>
  createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey, 'base64').toString('base64url') },
    format: 'jwk',
  })

const messageOf = ({ list }: Pick<TreeHash, 'list'>): Buffer => Buffer.from(context + list)

/** What a publisher puts into `signature.json`. */
export const signTree = (tree: Pick<TreeHash, 'list'>, privateKey: KeyObject): unknown => {
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  return {
    signature: 1,
    publicKey: Buffer.from(x, 'base64url').toString('base64'),
    value: sign(null, messageOf(tree), privateKey).toString('base64'),
  }
}

/** Who of the trusted has signed; undefined when nobody has or a stranger did. A signature that does not fit is never let through. */
export async function findSigner(
  folder: string,
  tree: TreeHash,
  trusted: readonly Publisher[],
): Promise<string | undefined> {
  if (!tree.paths.includes(signatureFile)) return undefined
  const invalid = (why: string, cause?: unknown): HostError =>
    new HostError(
      'PACKAGE_SIGNATURE_INVALID',
      `${signatureFile} of the package ${why}. Get the package anew from its publisher.`,
      {
        cause,
      },
    )
  let read: unknown
  try {
    read = await readJson(join(folder, signatureFile))
  } catch (cause) {
    throw invalid(`cannot be read: ${toText(cause)}`, cause)
  }
  if (!Value.Check(Signature, read)) throw invalid('is not as described')
  const { publicKey, value } = read
  let fits: boolean
  try {
    fits = verify(null, messageOf(tree), toKey(publicKey), Buffer.from(value, 'base64'))
  } catch (cause) {
    throw invalid('names a key that is none', cause)
  }
  if (!fits) throw invalid('does not fit its files: one was changed, added or left out')
  return trusted.find((each) => each.publicKey === publicKey)?.name
}
