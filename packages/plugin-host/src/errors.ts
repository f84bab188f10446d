import type { FieldError } from '@patchbay/contracts/problem'

/**
 * The host's one catalogue of errors. A code is never used again for something else; docs/reference/errors.md is made from this list.
 * Codes with a status are answered by REST, the others stand in the state of an instance or in a plugin's own stack.
 */
export const hostErrors = {
  PLUGIN_MANIFEST_INVALID: {
    status: 422,
    title: 'plugin.json is not as described',
    text: 'plugin.json cannot be read or is not as described.',
  },
  PLUGIN_API_MISMATCH: {
    status: 422,
    title: 'Made for another plugin API',
    text: 'The plugin was made for another version of the plugin API.',
  },
  PLUGIN_FILE_MISSING: {
    status: 422,
    title: 'A file of the plugin is missing',
    text: 'A file named in plugin.json is missing or lies outside the plugin.',
  },
  PLUGIN_SCHEMA_DRIFT: {
    status: 422,
    title: 'Configuration schema out of date',
    text: 'config.schema.json is not what the code says. Build the plugin again.',
  },
  PLUGIN_LOAD_FAILED: {
    status: 422,
    title: 'The plugin cannot be loaded',
    text: 'The code of the plugin cannot be loaded, or its default export is no plugin.',
  },
  PLUGIN_ID_TAKEN: { status: 409, title: 'Two plugins with one id', text: 'Another plugin has this id already.' },
  PLUGIN_PREFIX_TAKEN: {
    status: 409,
    title: 'HTTP prefix taken',
    text: 'An HTTP prefix of the plugin belongs to another plugin or to the platform.',
  },
  PLUGIN_START_TIMEOUT: { title: 'Start took too long', text: 'The instance did not start in time.' },
  PLUGIN_START_FAILED: { title: 'Start failed', text: 'The instance failed to start.' },
  PLUGIN_START_REFUSED: {
    status: 422,
    title: 'Does not start with this',
    text: 'The instance did not start with the new configuration.',
  },
  PLUGIN_BOOT_SKIPPED: {
    title: 'Skipped at boot',
    text: 'The process ended while this instance was starting, so it was not started again. Restart it when the cause is gone.',
  },
  PLUGIN_CRASHED: { title: 'Crashed', text: 'The instance crashed and is started again.' },
  PLUGIN_CRASH_LOOP: {
    title: 'Crashed again and again',
    text: 'The instance crashed three times within five minutes and stays down until it is restarted by hand.',
  },
  PLUGIN_NOT_READY: { title: 'Not ready yet', text: 'What the instance needs is not there yet; it is tried again.' },
  PLUGIN_BAD_CONFIG: {
    status: 422,
    title: 'Wrong configuration',
    text: 'The configuration is wrong; a person has to change it.',
  },
  PLUGIN_STOP_FAILED: {
    title: 'Stop failed',
    text: 'Something was not released in time. Restart the server to be sure that it is gone.',
  },
  PLUGIN_UNDECLARED: {
    title: 'Not declared in plugin.json',
    text: 'The plugin uses what its plugin.json does not declare.',
  },
  PLUGIN_TOO_LATE: { title: 'Only during setup', text: 'Contributions can only be made while setup runs.' },
  PLUGIN_STOPPED: {
    title: 'The instance is stopped',
    text: 'The instance is stopping; what it took was released at once.',
  },
  PLUGIN_PROTOCOL: {
    title: 'Messages that cannot be read',
    text: 'The worker or process of the plugin sent what no SDK sends.',
  },
  PLUGIN_LEVEL: {
    title: 'Not at this level of isolation',
    text: 'The plugin uses what exists at host level only.',
  },
  PLUGIN_OUT_OF_MEMORY: { title: 'Out of memory', text: 'The plugin needed more memory than it may have.' },
  PLUGIN_EXITED: { title: 'Ended by itself', text: 'The worker or process of the plugin ended by itself.' },
  PLUGIN_HUNG: { title: 'Does not answer', text: 'The plugin did not answer, so its worker or process was ended.' },
  PLUGIN_LIMIT: { title: 'More than permitted', text: 'The plugin takes more than the host permits.' },
  PLUGIN_ANSWER_TOO_LARGE: {
    status: 500,
    title: 'The answer of the plugin is too large',
    text: 'The plugin answered with more than a request to it can carry. Ask it for less at once.',
  },
  PLUGIN_VERIFY_FAILED: {
    status: 422,
    title: 'The test failed',
    text: 'The plugin could not test this configuration.',
  },
  PLUGIN_UNKNOWN: { status: 404, title: 'No such plugin', text: 'No plugin with this id is installed.' },
  PLUGIN_UNUSABLE: {
    status: 409,
    title: 'The plugin cannot be used',
    text: 'The plugin was refused when it was loaded.',
  },
  PACKAGE_MALFORMED: {
    status: 422,
    title: 'The archive cannot be read',
    text: 'The archive is damaged, or no plugin that was packed with npm pack.',
  },
  PACKAGE_TOO_LARGE: {
    status: 413,
    title: 'The archive holds too much',
    text: 'The archive is larger than permitted, packed or unpacked. A plugin is one packed file with its manifest.',
  },
  PACKAGE_PATH_REFUSED: {
    status: 422,
    title: 'A path in the archive is refused',
    text: 'A file of the archive could lie somewhere else than in the package, or under two names.',
  },
  PACKAGE_ENTRY_REFUSED: {
    status: 422,
    title: 'The archive holds more than plain files',
    text: 'The archive holds a link, a device or a sparse file; only plain files may be in a plugin.',
  },
  PACKAGE_RULE_BROKEN: {
    status: 422,
    title: 'The package breaks a rule',
    text: 'The package counts on an install script, on packages beside it or on native code.',
  },
  PACKAGE_SIGNATURE_INVALID: {
    status: 422,
    title: 'The signature does not fit',
    text: 'The signature does not fit the files of the package. Get it anew from its publisher.',
  },
  PACKAGE_POLICY: {
    status: 403,
    title: 'The policy for plugins says no',
    text: 'PATCHBAY_PLUGIN_POLICY does not let this package in.',
  },
  PACKAGE_CHANGED: {
    status: 409,
    title: 'The files were changed',
    text: 'The files of the package are not those that were approved. Install it again.',
  },
  PACKAGE_DOWNGRADE: {
    status: 409,
    title: 'A newer version is installed',
    text: 'A newer version is installed. Roll back, or remove it first.',
  },
  PACKAGE_VERSION_TAKEN: {
    status: 409,
    title: 'This version is installed',
    text: 'This version is installed already. Raise the version to install other content.',
  },
  PACKAGE_NOT_STAGED: {
    status: 409,
    title: 'Nothing waits for approval',
    text: 'This version does not wait for approval. Upload it first.',
  },
  PACKAGE_NO_PREVIOUS: {
    status: 409,
    title: 'No version to go back to',
    text: 'No version before this one is kept.',
  },
  PACKAGE_BUNDLED: {
    status: 409,
    title: 'Comes with the platform',
    text: 'The plugin comes with the platform and cannot be changed; disable its instances instead.',
  },
  PACKAGE_BUSY: {
    status: 409,
    title: 'The plugin is being changed',
    text: 'The plugin is being installed, upgraded or removed. Try again in a few seconds.',
  },
  PACKAGE_UPGRADE_UNDONE: {
    status: 422,
    title: 'The version before runs again',
    text: 'An instance that ran does not run with the new version, so the version before was put back.',
  },
  PACKAGE_NEEDS_HOST: {
    status: 409,
    title: 'Works at host level only',
    text: 'The plugin needs what exists at host level only. Approve it with {"isolation": "host"}, if you trust it as the platform itself.',
  },
  PACKAGE_HOST_NOT_ASKED: {
    status: 409,
    title: 'Does not ask for host level',
    text: 'The manifest does not ask for host level, so nobody can approve the plugin at it.',
  },
  PACKAGE_REGISTRY_FAILED: {
    status: 502,
    title: 'The registry did not give the package',
    text: 'The package could not be taken from the registry, or is not what the registry says.',
  },
  INSTANCE_UNKNOWN: { status: 404, title: 'No such instance', text: 'The plugin has no instance of this name.' },
  INSTANCE_NAME_INVALID: {
    status: 422,
    title: 'Not a name for an instance',
    text: 'The name is not well formed, or the plugin has one instance only, named default.',
  },
  INSTANCES_EXCEEDED: {
    status: 409,
    title: 'As many instances as permitted',
    text: 'The plugin has as many instances as permitted.',
  },
  INSTANCE_BUSY: {
    status: 503,
    title: 'Too many calls at once',
    text: 'Too many calls wait for this instance. Try again later.',
  },
  CONFIG_INVALID: {
    status: 422,
    title: 'A field has a wrong value',
    text: 'The configuration is not as the plugin describes it.',
  },
  CONFIG_MIGRATION_FAILED: {
    title: 'Configuration cannot be carried over',
    text: 'The stored configuration cannot be carried over to this version of the plugin.',
  },
  CONFIG_SECRET_UNREADABLE: {
    title: 'A stored secret cannot be read',
    text: 'A stored secret cannot be opened; enter it again.',
  },
  AUTH_REQUIRED: { status: 401, title: 'Log in first', text: 'This address asks for a session or an API key.' },
  AUTH_FORBIDDEN: {
    status: 403,
    title: 'Not permitted',
    text: 'The caller has no right to this address, or it was asked for by another site or without TLS.',
  },
  PATH_UNKNOWN: { status: 404, title: 'Nothing is here', text: 'The plugin has nothing at this address.' },
  REQUEST_MALFORMED: { status: 400, title: 'The request cannot be parsed', text: 'The request cannot be parsed.' },
  REQUEST_INVALID: { status: 422, title: 'A field has a wrong value', text: 'The request is not as described.' },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    title: 'The body is larger than permitted',
    text: 'The body is larger than this path takes.',
  },
  UNSUPPORTED_MEDIA: {
    status: 415,
    title: 'The body has an unknown type',
    text: 'This path does not take a body of this type.',
  },
  TIMEOUT: { status: 503, title: 'It took too long', text: 'The request took too long. Try again.' },
  PLUGIN_AWAY: {
    status: 503,
    title: 'The plugin is starting',
    text: 'The plugin behind this address is starting. Try again in a few seconds.',
  },
  INTERNAL: {
    status: 500,
    title: 'Something went wrong inside',
    text: 'The fault was logged. Give the request id to whoever runs this.',
  },
  VERSION_CONFLICT: {
    status: 412,
    title: 'Changed by someone else meanwhile',
    text: 'The instance was changed meanwhile. Read it again.',
  },
} as const satisfies Record<string, { status?: number; title: string; text: string }>
export type HostErrorCode = keyof typeof hostErrors

const statusOf = (entry: object): number | undefined =>
  'status' in entry && typeof entry.status === 'number' ? entry.status : undefined

/** An error of the host. `status` is there where REST answers it; `fields` point at what was wrong. */
export class HostError extends Error {
  override readonly name = 'HostError'
  readonly code: HostErrorCode
  readonly status: number | undefined
  readonly title: string
  readonly fields: readonly FieldError[]

  constructor(code: HostErrorCode, detail?: string, options: ErrorOptions & { fields?: readonly FieldError[] } = {}) {
    super(detail ?? hostErrors[code].text, options)
    this.code = code
    this.status = statusOf(hostErrors[code])
    this.title = hostErrors[code].title
    this.fields = options.fields ?? []
  }
}

export const isHostError = (error: unknown): error is HostError => error instanceof HostError

/** What a person reads of an error. */
export const toText = (error: unknown): string => {
  if (error instanceof Error) return error.message === '' ? error.name : error.message
  return typeof error === 'string' ? error : 'Something was thrown that is no error.'
}
