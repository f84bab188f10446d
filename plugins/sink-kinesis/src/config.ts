import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  region: field.text({ title: 'Region', description: 'Such as eu-central-1.', maxLength: 40, pattern: '^[a-z0-9-]+$' }),
  stream: field.text({
    title: 'Stream',
    description: 'It must be there.',
    maxLength: 128,
    pattern: '^[a-zA-Z0-9_.-]+$',
  }),
  partitionKey: field.text({
    title: 'Partition key',
    description:
      'Records of one key are in one shard, in order. {device}, {type} and {tag:NAME} can be put in; it should hold {device}.',
    default: '{device}',
    maxLength: 200,
  }),
  accessKeyId: field.optional(
    field.text({
      title: 'Access key',
      description:
        'Left out: credentials are found as Amazon’s own programs do, in the environment, shared files, or the role of machine, task or pod.',
      maxLength: 128,
    }),
  ),
  secretAccessKey: field.optional(field.secret({ title: 'Secret access key' })),
  sessionToken: field.optional(field.secret({ title: 'Session token', description: 'Of credentials that end.' })),
  endpoint: field.optional(
    field.url({ title: 'Address', description: 'In place of Amazon’s own of the region, such as a private endpoint.' }),
  ),
  ca: field.optional(
    field.multiline({ title: 'Authority', description: 'A certificate to believe besides the well-known ones, PEM.' }),
  ),
}
export type Config = ConfigOf<typeof config>
