import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigurationFault, readDemand } from '../configuration/files.ts'
import { fillPlaceholders } from '../configuration/placeholders.ts'
import { declarations } from '../settings/declarations.ts'
import { readTrust } from '../settings/plugin-trust.ts'
import { SettingsError } from '../settings/settings-error.ts'
import { type Check, fail, type Finding, ok, reasonOf, skip, warn } from './finding.ts'

const isFolder = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    // Not there, or not to be seen: for who has to read it that is one.
    return false
  }
}

/** PATCHBAY_CONFIG, as a start would read it. */
export const checkConfiguration: Check = async ({ settings: { config }, env }) => {
  const check = 'configuration files'
  if (config === undefined) return [skip(check, 'PATCHBAY_CONFIG is not set')]
  try {
    const { items } = await readDemand(config)
    const missing = new Set(items.flatMap(({ value }) => fillPlaceholders(value, env).missing.map(({ name }) => name)))
    const findings = [ok(check, `${config} asks for ${items.length} things`)]
    if (missing.size > 0)
      findings.push(
        fail(check, `it names ${[...missing].join(', ')}, which the environment does not have`, 'Set them.'),
      )
    return findings
  } catch (error) {
    if (!(error instanceof ConfigurationFault)) throw error
    return [fail(check, error.message, 'Mend the file; until then Patchbay does not start.')]
  }
}

/** The folders that plugins come from, and who is trusted. */
export const checkPlugins: Check = async ({ settings }) => {
  const check = 'plugin folders'
  const findings: Finding[] = []
  for (const folder of settings.pluginLinks)
    if (!(await isFolder(folder)))
      findings.push(fail(check, `PATCHBAY_PLUGIN_LINKS names ${folder}, which is no folder`, 'Mend or unset it.'))
  for (const name of ['plugins', 'plugin-packages']) {
    const folder = join(settings.data, name)
    try {
      if (((await stat(folder)).mode & 0o022) !== 0)
        findings.push(warn(check, `${folder} can be written by others, who could run code here`, `chmod 700 ${folder}`))
    } catch {
      // Not there: nothing came in yet.
    }
  }
  try {
    await readTrust(settings)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    findings.push(fail(check, error.message, 'Mend it: Patchbay does not start like this.'))
  }
  if (settings.pluginPolicy === 'any' && settings.host !== '127.0.0.1')
    findings.push(
      warn(
        check,
        'PATCHBAY_PLUGIN_POLICY lets in any plugin that somebody approves',
        'Take signed, verified or bundled.',
      ),
    )
  return findings.length > 0 ? findings : [ok(check, 'as they should be')]
}

export const checkGateway: Check = async ({ settings: { given } }) => {
  const check = 'gateway files'
  // The gateway takes it from there, too.
  const gateway = given.get(declarations.gateway.name)
  if (typeof gateway !== 'string') return [skip(check, 'PATCHBAY_GATEWAY is not set')]
  try {
    const { parseYaml, yamlFault } = await import('../configuration/yaml-text.ts')
    const { readFile } = await import('node:fs/promises')
    const findings: Finding[] = []
    for (const name of ['config.yaml', 'apisix.yaml']) {
      const text = await readFile(join(gateway, name), 'utf8')
      try {
        await parseYaml(text)
        findings.push(ok(check, `${name} is YAML`))
      } catch (error) {
        findings.push(fail(check, `${name} is not YAML: ${yamlFault(error)}`, 'Mend it.'))
      }
      if (name === 'apisix.yaml' && text.trimEnd().split('\n').at(-1)?.trim() !== '#END')
        findings.push(fail(check, 'apisix.yaml does not end with #END and is not read', 'Write #END as its last line.'))
    }
    return findings
  } catch (error) {
    return [fail(check, `${gateway} cannot be read: ${reasonOf(error)}`, 'Mend or unset PATCHBAY_GATEWAY.')]
  }
}
