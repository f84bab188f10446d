import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  algorithm: field.choice(['HS256', 'RS256', 'ES256'], {
    title: 'Algorithm',
    description: 'The only one that is taken, whatever a token says of itself.',
    default: 'ES256',
  }),
  secret: field.optional(
    field.secret({
      title: 'Secret',
      description: 'For HS256: 32 bytes at least.',
      when: { field: 'algorithm', is: 'HS256' },
    }),
  ),
  publicKey: field.optional(
    field.multiline({
      title: 'Public key',
      description: 'For RS256 and ES256: PEM, a public key or a certificate.',
      maxLength: 16_384,
    }),
  ),
  jwksUrl: field.optional(
    field.url({
      title: 'Key set address',
      description:
        'For RS256 and ES256, in place of a public key: the JWKS of the issuer, such as https://id.example.org/jwks.json.',
    }),
  ),
  issuer: field.optional(
    field.text({
      title: 'Issuer',
      description: 'What iss must be. Tokens of others are left to other access providers.',
    }),
  ),
  audience: field.optional(field.text({ title: 'Audience', description: 'What aud must be, or hold.' })),
  deviceClaim: field.text({
    title: 'Device claim',
    description: 'The claim that holds the device id.',
    default: 'sub',
    maxLength: 128,
  }),
  rightsClaim: field.optional(
    field.text({
      title: 'Rights claim',
      description:
        'A claim {"publish": [filters], "subscribe": [filters]}: what the device may use besides its own topics.',
      maxLength: 128,
    }),
  ),
  clockSkewSeconds: field.integer({
    title: 'Clock skew (s)',
    description: 'How far the clock of the issuer may be off.',
    default: 10,
    minimum: 0,
    maximum: 300,
  }),
  jwksSeconds: field.integer({
    title: 'Keep the key set (s)',
    description: 'Read again after this, and when a token names a key that is not in it (every 30 seconds at most).',
    default: 600,
    minimum: 30,
    maximum: 86_400,
  }),
}
export type Config = ConfigOf<typeof config>
