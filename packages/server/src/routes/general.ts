import { apiKeyRoutes } from './api-keys.ts'
import { auditRoutes } from './audit.ts'
import { healthRoutes } from './health.ts'
import { metricRoutes } from './metrics.ts'
import { openapiRoutes } from './openapi.ts'
import { roleRoutes } from './roles.ts'
import { sessionRoutes } from './session.ts'
import { setupRoutes } from './setup.ts'
import { userRoutes } from './users.ts'
import type { GeneralDeps, Routes } from '../rest/route-deps.ts'

/** What every installation answers, whatever it does: health, people and the description of itself. */
export const generalRoutes: readonly Routes<GeneralDeps>[] = [
  healthRoutes,
  metricRoutes,
  openapiRoutes,
  setupRoutes,
  sessionRoutes,
  userRoutes,
  roleRoutes,
  apiKeyRoutes,
  auditRoutes,
]
