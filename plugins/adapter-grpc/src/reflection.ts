import type { handleBidiStreamingCall } from '@grpc/grpc-js'
import type { PackageDefinition } from '@grpc/proto-loader'
import { descriptorsOf } from './library.ts'

const notFound = 5
const unimplemented = 12

export const reflectionServices = ['v1', 'v1alpha'].map((version) => `grpc.reflection.${version}.ServerReflection`)
export const devicesService = 'patchbay.v1.Devices'

const textOf = (request: unknown, name: string): string | undefined => {
  const value: unknown = typeof request === 'object' && request !== null ? Reflect.get(request, name) : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Tells tools what is served, to those who may log in. */
export function createReflection(definitions: PackageDefinition): handleBidiStreamingCall<unknown, unknown> {
  const services = [devicesService, ...reflectionServices]
  const files = new Map(services.map((service) => [service.replace(/\.\w+$/, ''), descriptorsOf(definitions, service)]))

  function answer(request: unknown): object {
    if (textOf(request, 'message_request') === 'list_services')
      return { list_services_response: { service: services.map((name) => ({ name })) } }
    const symbol = textOf(request, 'file_containing_symbol')
    const file = textOf(request, 'file_by_filename')
    for (const [name, protos] of files) {
      const names = symbol !== undefined && (symbol === name || symbol.startsWith(`${name}.`))
      const holds = file !== undefined && protos.some((proto) => proto.includes(file))
      if (names || holds) return { file_descriptor_response: { file_descriptor_proto: protos } }
    }
    const known = symbol !== undefined || file !== undefined
    const error_code = known ? notFound : unimplemented
    return {
      error_response: { error_code, error_message: known ? 'There is no such symbol or file.' : 'Not answered.' },
    }
  }

  return (call) => {
    call.on('data', (request: unknown) => {
      const response = { original_request: request, ...answer(request) }
      // A tool that does not read is not read either.
      if (!call.write(response)) call.pause()
    })
    call.on('drain', () => call.resume())
    call.on('end', () => call.end())
  }
}
