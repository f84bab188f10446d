/** This process is no longer the node that it was: somebody else goes on with what it held. */
export class NodeLost extends Error {
  override readonly name = 'NodeLost'
}
