/** Bytes that no encoder of ours has written. */
export class CodecDamaged extends Error {
  override readonly name = 'CodecDamaged'
}
