import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  url: field.url({
    title: 'Address',
    description: 'Such as http://influx:8086, or http://victoria:8428 for VictoriaMetrics.',
  }),
  version: field.integer({
    title: 'Version',
    description: '1, 2 or 3: which of the three ways to write is used. 1 for VictoriaMetrics.',
    default: 2,
    minimum: 1,
    maximum: 3,
  }),
  database: field.optional(field.text({ title: 'Database', description: 'Of versions 1 and 3.', maxLength: 256 })),
  policy: field.optional(
    field.text({
      title: 'Retention policy',
      description: 'Of version 1; the database’s own default when left out.',
      maxLength: 256,
    }),
  ),
  org: field.optional(field.text({ title: 'Organization', when: { field: 'version', is: 2 }, maxLength: 256 })),
  bucket: field.optional(field.text({ title: 'Bucket', when: { field: 'version', is: 2 }, maxLength: 256 })),
  username: field.optional(field.text({ title: 'User', when: { field: 'version', is: 1 }, maxLength: 256 })),
  password: field.optional(field.secret({ title: 'Password', when: { field: 'version', is: 1 } })),
  token: field.optional(field.secret({ title: 'Token', description: 'Of versions 2 and 3.' })),
  measurement: field.text({
    title: 'Measurement',
    description:
      'With {key}: a measurement a key, its value in the field value. Without, such as {type}: one point with a field a key. {device} and {tag:NAME} may be used, too.',
    default: '{key}',
    maxLength: 256,
  }),
  numbersOnly: field.toggle({
    title: 'Numbers only',
    description: 'Texts and objects are left out: VictoriaMetrics would store them as 0.',
    default: false,
  }),
  gzip: field.toggle({ title: 'Compress', description: 'Batches go as gzip.', default: true }),
  ca: field.optional(
    field.multiline({ title: 'Authority', description: 'A certificate to believe besides the well-known ones, PEM.' }),
  ),
}
export type Config = ConfigOf<typeof config>
