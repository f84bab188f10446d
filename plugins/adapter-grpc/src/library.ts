import { fileURLToPath } from 'node:url'
import type { PackageDefinition, ServiceDefinition } from '@grpc/proto-loader'

export type Grpc = typeof import('@grpc/grpc-js')

const protoFolder = new URL('../proto/', import.meta.url)
export const protoFile: URL = new URL('patchbay.proto', protoFolder)
const files = [protoFile, ...['v1', 'v1alpha'].map((version) => new URL(`reflection-${version}.proto`, protoFolder))]

export interface Library {
  grpc: Grpc
  definitions: PackageDefinition
}

/** Some 30 MB of memory: the library is loaded when the first client comes, and most platforms have none. */
export async function loadLibrary(): Promise<Library> {
  const [grpc, loader] = await Promise.all([import('@grpc/grpc-js'), import('@grpc/proto-loader')])
  // It would write to the console what strangers send.
  grpc.setLogVerbosity(grpc.logVerbosity.NONE)
  const options = { longs: String, defaults: true, oneofs: true, keepCase: true }
  const definitions = await loader.load(
    files.map((file) => fileURLToPath(file)),
    options,
  )
  return { grpc, definitions }
}

export function serviceOf(definitions: PackageDefinition, name: string): ServiceDefinition {
  const definition = definitions[name]
  if (definition && !('format' in definition)) return definition
  throw new TypeError(`The proto files hold no service ${name}.`)
}

/** Requests arrive as their bytes, and are decoded where a wrong one can be answered in our words. */
export const withRawRequests = (service: ServiceDefinition): ServiceDefinition =>
  Object.fromEntries(
    Object.entries(service).map(([name, method]) => [
      name,
      { ...method, requestDeserialize: (bytes: Buffer) => bytes },
    ]),
  )

/** The encoded file descriptors that hold all of a service. */
export function descriptorsOf(definitions: PackageDefinition, service: string): Buffer[] {
  const found: Buffer[] = []
  for (const method of Object.values(serviceOf(definitions, service))) {
    for (const type of [method.requestType, method.responseType]) {
      const protos: unknown = Reflect.get(type, 'fileDescriptorProtos')
      if (!Array.isArray(protos)) continue
      for (const proto of protos)
        if (Buffer.isBuffer(proto) && !found.some((each) => each.equals(proto))) found.push(proto)
    }
  }
  return found
}
