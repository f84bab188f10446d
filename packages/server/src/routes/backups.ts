import { BackupView } from '@patchbay/contracts/backup'
import { Name } from '@patchbay/contracts/id'
import { Type } from 'typebox'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'

/** Backups of the data folder, made while the platform runs. Restoring is done at the terminal, with it stopped. */
export const backupRoutes: Routes = (app, { backups }) => {
  app.get(
    '/api/v1/system/backups',
    {
      config: { permission: 'system.read' },
      schema: {
        operationId: 'listBackups',
        summary: 'Backups in the folder of PATCHBAY_BACKUPS, newest first; none without it',
        tags: ['system'],
        response: { 200: Type.Object({ items: Type.Array(ref(BackupView)) }) },
      },
    },
    async () => ({ items: backups.on ? await (await backups.folder()).list() : [] }),
  )
  app.post(
    '/api/v1/system/backups',
    {
      config: { permission: 'system.write' },
      schema: {
        operationId: 'createBackup',
        summary: 'Begins a backup; the list says when it is done, or why it failed',
        tags: ['system'],
        response: { 202: ref(BackupView) },
      },
    },
    async (request, reply) => {
      const view = await (await backups.folder()).start()
      request.auditTarget = view.id
      return reply.code(202).send(view)
    },
  )
  app.delete(
    '/api/v1/system/backups/:id',
    {
      config: { permission: 'system.write' },
      schema: {
        operationId: 'deleteBackup',
        summary: 'Removes a backup',
        tags: ['system'],
        params: Type.Object({ id: Name }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await (await backups.folder()).remove(request.params.id)
      return reply.code(204).send(null)
    },
  )
}
