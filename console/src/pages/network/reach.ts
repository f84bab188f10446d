export const loopback = '127.0.0.1'
const everyV4 = '0.0.0.0'
/** Both families, where the machine has both. */
const everyAddress = '::'

export type Reach = 'local' | 'everywhere' | 'one'

const localNames = /^(127\.|::1$|localhost$|\[::1\]$)/

export const isLocal = (address: string): boolean => localNames.test(address)

/** Whom an address that is listened at lets in. */
export const reachOf = (host: string): Reach =>
  host === everyV4 || host === everyAddress ? 'everywhere' : isLocal(host) ? 'local' : 'one'

/** What to listen at, to be found at all of these addresses. */
export const everywhereFor = (addresses: readonly string[]): string =>
  addresses.some((address) => address.includes(':')) ? everyAddress : everyV4

/** At which of a machine's addresses it is found that listens at this one. */
export const foundAt = (host: string, addresses: readonly string[]): string[] => {
  if (reachOf(host) === 'local') return []
  if (reachOf(host) === 'one') return [host]
  return host === everyAddress ? [...addresses] : addresses.filter((address) => !address.includes(':'))
}

/** Would the page be cut off that was opened under this name, were this address the only one? */
export const losesPage = (host: string, cameBy: string): boolean => {
  const reach = reachOf(host)
  if (reach === 'everywhere') return false
  return reach === 'local' ? !isLocal(cameBy) : cameBy !== host
}

const split = (text: string): string[] =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')

/** The list with these names in it too, as the setting takes it. */
export const withNames = (list: string, names: readonly string[]): string =>
  [...new Set([...split(list), ...names])].join(', ')

const shortest = (address: string): string => address.toLowerCase()

/** What the certificate does not name yet. */
export const unnamed = (addresses: readonly string[], names: readonly string[]): string[] => {
  const known = new Set(names.map(shortest))
  return addresses.filter((address) => !known.has(shortest(address)))
}

/** `https://192.168.1.5:8080`, an IPv6 address in brackets. */
export const toAddress = (host: string, port: string | number): string =>
  `https://${host.includes(':') ? `[${host}]` : host}:${port}`
