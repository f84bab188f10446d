/** The caller went before the read was done; `cause` is the reason of its signal. */
export class ReadCancelled extends Error {
  override readonly name = 'ReadCancelled'
}
