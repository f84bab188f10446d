import { Type, type Static } from 'typebox'
import { DeviceId, Name, Tags, Time, Title, Version } from './id.ts'

const fields = {
  name: Title,
  from: Time,
  to: Time,
  devices: Type.Array(DeviceId, { maxItems: 1000, uniqueItems: true }),
  types: Type.Array(Name, { maxItems: 100, uniqueItems: true }),
  tags: Tags,
  reason: Type.Optional(Type.String({ maxLength: 1000 })),
}

/**
 * A time in which alerts of some devices are recorded and nobody is notified. Within a list OR, between the lists AND; an empty list does
 * not limit, so that three empty ones mean every device.
 */
export const Maintenance = Type.Object(
  { id: Type.String(), ...fields, createdBy: Type.Optional(Type.String()), version: Version },
  { $id: 'Maintenance' },
)
export type Maintenance = Static<typeof Maintenance>

export const MaintenanceBody = Type.Object(
  {
    ...fields,
    devices: Type.Optional(fields.devices),
    types: Type.Optional(fields.types),
    tags: Type.Optional(fields.tags),
  },
  { additionalProperties: false },
)
export type MaintenanceBody = Static<typeof MaintenanceBody>
