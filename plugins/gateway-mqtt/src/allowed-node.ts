import { toAddressMatch } from './addresses.ts'

/** Link-local addresses, where clouds keep their metadata: no node is there, and nobody may read them through a route. */
const isForbidden = toAddressMatch(['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254'])

/** Nodes may be private, since only who may write plugins names them; link-local and metadata addresses are closed to all. */
export const isAllowedNode = (address: string): boolean => !isForbidden(address)
