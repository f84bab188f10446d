import {
  Authority,
  CertificateStatus,
  DeviceCertificate,
  Fingerprint,
  IssuedCertificate,
  NewCertificate,
} from '@patchbay/contracts/certificate'
import { DeviceId } from '@patchbay/contracts/id'
import { pageOf } from '@patchbay/contracts/page'
import { Type } from 'typebox'
import { pageQuery, toPage } from '../rest/page.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

const device = { id: DeviceId }
const status = { status: Type.Optional(CertificateStatus) }
const Issued = Type.Object({ ...IssuedCertificate.properties, certificate: ref(DeviceCertificate) })

/** Certificates that devices log in with, and the authority that issues them. */
export const certificateRoutes: Routes = (app, { devices, authority }) => {
  app.get(
    '/api/v1/devices/:id/certificates',
    {
      config: { permission: 'devices.read' },
      schema: {
        operationId: 'listDeviceCertificates',
        summary: 'The certificates of a device: valid, expired and revoked ones',
        tags: ['devices'],
        params: Type.Object(device),
        querystring: pageQuery(status),
        response: { 200: pageOf(ref(DeviceCertificate)) },
      },
    },
    async ({ params, query: { status: wanted, ...page } }) =>
      devices.listCertificates({
        device: params.id,
        ...(wanted === undefined ? {} : { status: wanted }),
        ...toPage(page),
      }),
  )
  app.post(
    '/api/v1/devices/:id/certificates',
    {
      config: { permission: 'devices.secrets' },
      schema: {
        operationId: 'issueDeviceCertificate',
        summary: 'Issues a certificate from a signing request, or whole with its key, which is answered here once',
        tags: ['devices'],
        params: Type.Object(device),
        body: NewCertificate,
        response: { 201: Issued },
      },
    },
    async (request, reply) => {
      const { csr, ...rest } = request.body
      const changes = { ...rest, from: csr === undefined ? 'a new key' : 'a signing request' }
      request.auditChanges = changes
      const issued = await devices.issueCertificate(request.params.id, request.body)
      request.auditChanges = { ...changes, certificate: issued.certificate.id }
      return reply.code(201).header('cache-control', 'no-store').send(issued)
    },
  )
  app.delete(
    '/api/v1/devices/:id/certificates/:cid',
    {
      config: { permission: 'devices.secrets' },
      schema: {
        operationId: 'revokeDeviceCertificate',
        summary: 'Revokes a certificate and ends the sessions that came with it, at once',
        tags: ['devices'],
        params: Type.Object({ ...device, cid: Fingerprint }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      request.auditChanges = { certificate: request.params.cid }
      await devices.revokeCertificate(request.params.cid, request.params.id)
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/api/v1/certificates',
    {
      config: { permission: 'devices.read' },
      schema: {
        operationId: 'listCertificates',
        summary: 'The certificates of all devices, by the ids of the devices',
        tags: ['certificates'],
        querystring: pageQuery({ ...status, device: Type.Optional(DeviceId) }),
        response: { 200: pageOf(ref(DeviceCertificate)) },
      },
    },
    async ({ query: { status: wanted, device: id, ...page } }) =>
      devices.listCertificates({
        ...(id === undefined ? {} : { device: id }),
        ...(wanted === undefined ? {} : { status: wanted }),
        ...toPage(page),
      }),
  )
  app.delete(
    '/api/v1/certificates/:id',
    {
      config: { permission: 'devices.secrets' },
      schema: {
        operationId: 'revokeCertificate',
        summary: 'Revokes a certificate by its fingerprint, whatever device it is of',
        tags: ['certificates'],
        params: Type.Object({ id: Fingerprint }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { device: owner } = await devices.revokeCertificate(request.params.id)
      request.auditTarget = owner
      request.auditChanges = { certificate: request.params.id }
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/api/v1/certificates/authority',
    {
      config: { permission: 'self' },
      schema: {
        operationId: 'getAuthority',
        summary: 'The certificate authority of this installation, which devices are given to trust',
        tags: ['certificates'],
        response: { 200: ref(Authority) },
      },
    },
    async () => authority.read(),
  )
  app.get(
    '/api/v1/certificates/authority.pem',
    {
      config: { permission: 'self' },
      schema: {
        operationId: 'downloadAuthority',
        summary: 'The same as a PEM file',
        tags: ['certificates'],
        response: { 200: Type.String() },
      },
    },
    async (_request, reply) => {
      const { pem } = await authority.read()
      return reply
        .header('content-type', 'application/x-pem-file')
        .header('content-disposition', 'attachment; filename="patchbay-ca.pem"')
        .serializer(String)
        .send(pem)
    },
  )
}
