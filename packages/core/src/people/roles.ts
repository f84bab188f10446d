import type { Role } from '@patchbay/contracts/person'
import { DomainError } from '../errors.ts'
import type { RegistryStore, Stored } from '../registry/port.ts'
import type { Caller } from './caller.ts'
import { assertGrantable, assertKnown } from './permissions.ts'
import { textOf, textsOf } from './record-text.ts'
import { assertWritten } from './written.ts'

/** No right in REST at all: what a key has that only publishes and subscribes. */
export const noRole = 'none'
export const ownerRole = 'owner'

const builtIn = new Map<string, Role>(
  [
    { id: ownerRole, title: 'Owner', permissions: ['*'], builtIn: true },
    {
      id: 'operator',
      title: 'Operator',
      permissions: [
        'devices.*',
        'provisioning.*',
        'telemetry.*',
        'commands.*',
        'shadow.*',
        'types.*',
        'access.*',
        'rules.*',
        'messages.*',
        'alerts.*',
        'maintenance.*',
        'jobs.*',
        'plugins.read',
        'system.read',
      ],
      builtIn: true,
    },
    {
      id: 'viewer',
      title: 'Viewer',
      permissions: [
        'devices.read',
        'provisioning.read',
        'telemetry.read',
        'types.read',
        'access.read',
        'rules.read',
        'messages.read',
        'alerts.read',
        'jobs.read',
        'plugins.read',
        'users.read',
        'roles.read',
        'keys.read',
        'audit.read',
        'system.read',
      ],
      builtIn: true,
    },
  ].map((role) => [role.id, role]),
)

export interface Roles {
  list(page: { limit: number; cursor?: string }): Promise<{ items: Role[]; nextCursor?: string }>
  get(id: string): Promise<Role>
  /** The rights of a role now; of one that is gone, none. */
  permissionsOf(id: string): Promise<readonly string[]>
  create(by: Caller, role: { id: string; title?: string; permissions: string[] }): Promise<Role>
  replace(by: Caller, id: string, role: { title?: string; permissions: string[] }, version?: number): Promise<Role>
  remove(by: Caller, id: string, version?: number): Promise<void>
}

const toRole = ({ id, version, body }: Stored): Role => ({
  id,
  title: textOf(body, 'title') ?? id,
  permissions: textsOf(body, 'permissions'),
  builtIn: false,
  version,
})

export const createRoles = (registry: RegistryStore): Roles => {
  const load = async (id: string): Promise<Role> => {
    const stored = builtIn.get(id) ?? (await registry.get('roles', id))
    if (!stored) throw new DomainError('NOT_FOUND', `There is no role ${id}.`)
    return 'body' in stored ? toRole(stored) : stored
  }
  const loadOwn = async (id: string): Promise<Role> => {
    if (builtIn.has(id)) throw new DomainError('ROLE_BUILT_IN', `${id} is built in. Make a role of your own.`)
    return load(id)
  }
  const assertUnused = async (id: string): Promise<void> => {
    for (const collection of ['users', 'api_keys'] as const) {
      const { items } = await registry.list(collection, { where: { role: id }, limit: 1 })
      const holder = items[0]
      if (holder)
        throw new DomainError(
          'ROLE_IN_USE',
          `${collection === 'users' ? 'The user' : 'The API key'} ${holder.id} has this role.`,
        )
    }
  }
  return {
    async list(page) {
      const stored = await registry.list('roles', { ...page, sort: { by: 'id' } })
      const items = stored.items.map(toRole)
      return {
        items: page.cursor === undefined ? [...builtIn.values(), ...items] : items,
        ...(stored.nextCursor === undefined ? {} : { nextCursor: stored.nextCursor }),
      }
    },
    get: load,
    async permissionsOf(id) {
      const own = builtIn.get(id)
      if (own) return own.permissions
      const stored = id === noRole ? undefined : await registry.get('roles', id)
      return stored ? textsOf(stored.body, 'permissions') : []
    },
    async create(by, { id, title = id, permissions }) {
      assertKnown(permissions)
      assertGrantable(by.permissions, permissions)
      if (builtIn.has(id) || id === noRole) throw new DomainError('ALREADY_EXISTS', `The name ${id} is taken.`)
      const written = await registry.put('roles', id, { title, permissions }, 'new')
      if (!written.ok) throw new DomainError('ALREADY_EXISTS', `There is a role ${id} already.`)
      return { id, title, permissions, builtIn: false, version: written.version }
    },
    async replace(by, id, { title = id, permissions }, version) {
      const before = await loadOwn(id)
      assertKnown(permissions)
      // Neither give nor take away more than one has: whoever has the role keeps or loses it by this.
      assertGrantable(by.permissions, [...before.permissions, ...permissions])
      const expected = version ?? before.version ?? 'any'
      const written = assertWritten(await registry.put('roles', id, { title, permissions }, expected), `The role ${id}`)
      return { id, title, permissions, builtIn: false, version: written }
    },
    async remove(by, id, version) {
      const before = await loadOwn(id)
      assertGrantable(by.permissions, before.permissions)
      await assertUnused(id)
      assertWritten(await registry.delete('roles', id, version ?? 'any'), `The role ${id}`)
    },
  }
}
