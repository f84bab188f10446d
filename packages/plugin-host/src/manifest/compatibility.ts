import semver from 'semver'
import { HostError } from '../errors.ts'

/** A range that accepts this accepts majors nobody has written yet. */
const farMajor = '999999.0.0'

/** Refuses a plugin that was made for another plugin API, or that claims to fit every one to come. */
export function assertCompatible(id: string, range: string, apiVersion: string): void {
  if (semver.validRange(range) === null)
    throw new HostError('PLUGIN_API_MISMATCH', `${id} names the plugin API "${range}", which is no version range.`)
  if (semver.satisfies(farMajor, range))
    throw new HostError(
      'PLUGIN_API_MISMATCH',
      `${id} names the plugin API "${range}", which has no upper end. Use ^${apiVersion}.`,
    )
  if (!semver.satisfies(apiVersion, range))
    throw new HostError('PLUGIN_API_MISMATCH', `${id} needs plugin API ${range}; this platform has ${apiVersion}.`)
}
