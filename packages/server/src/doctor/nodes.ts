import { NodeRecord } from '@patchbay/core/nodes/node-record'
import { Value } from 'typebox/value'
import { type Finding, ok, warn } from './finding.ts'

/** Documents as the registry keeps them. */
interface Documents {
  find(filter: object): { toArray(): Promise<readonly object[]> }
}

/** What the nodes on a MongoDB say of themselves. */
export async function findNodes(meta: Documents, roles: readonly string[]): Promise<Finding[]> {
  const found = await meta.find({ _id: { $gte: 'node/', $lt: 'node0' } }).toArray()
  const records = found
    .map((document): unknown => Reflect.get(document, 'body'))
    .filter((body): body is NodeRecord => Value.Check(NodeRecord, body))
  if (records.length === 0) return []
  const live = records.filter(({ gone }) => !gone)
  const findings = [
    ok('nodes', `${live.length} have registered on this MongoDB: ${live.map(toText).join(', ') || 'none'}`),
  ]
  for (const record of records.filter(({ gone }) => gone)) {
    findings.push(
      warn('nodes', `${toText(record)} is away since ${record.seenAt}`, 'See why it ended, and start it again.'),
    )
  }
  const versions = new Set(live.map(({ version }) => version))
  if (versions.size > 1) {
    const text = `nodes of different versions run: ${[...versions].toSorted().join(', ')}`
    findings.push(warn('nodes', text, 'Bring all to one version.'))
  }
  if (!roles.includes('worker') && !live.some((record) => record.roles.includes('worker'))) {
    findings.push(
      warn('nodes', 'none has the role worker', 'Give one PATCHBAY_ROLES with worker: rules and sinks wait.'),
    )
  }
  return findings
}

const toText = ({ name, address, version }: NodeRecord): string => `${name} (${address || 'starting'}, ${version})`
