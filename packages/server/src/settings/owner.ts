import { DomainError } from '@patchbay/core/errors'
import type { Setup } from '@patchbay/core/people/setup'
import { SettingsError } from './settings-error.ts'
import type { Settings } from './settings.ts'

/** The owner of PATCHBAY_ADMIN_USER and PATCHBAY_ADMIN_PASSWORD, if there is none yet. Throws `SettingsError`. */
export async function ensureOwner(
  setup: Pick<Setup, 'ensureOwner'>,
  { adminUser, adminPassword }: Pick<Settings, 'adminUser' | 'adminPassword'>,
): Promise<void> {
  if (adminUser === undefined || adminPassword === undefined) return
  try {
    await setup.ensureOwner(adminUser, adminPassword)
  } catch (cause) {
    if (!(cause instanceof DomainError)) throw cause
    const [field] = cause.fields
    if (field?.path === '/password') {
      throw new SettingsError('PATCHBAY_ADMIN_PASSWORD', field.message, 'give another', {
        cause,
      })
    }
    throw new SettingsError(
      'PATCHBAY_ADMIN_USER',
      `is ${JSON.stringify(adminUser)}, which is taken`,
      'give another name',
      {
        cause,
      },
    )
  }
}
