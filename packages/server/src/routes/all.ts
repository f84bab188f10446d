import type { Routes } from '../rest/route-deps.ts'
import { accessRoutes } from './access.ts'
import { alertRoutes } from './alerts.ts'
import { certificateRoutes } from './certificates.ts'
import { backupRoutes } from './backups.ts'
import { brokerAuthRoutes } from './broker-auth.ts'
import { channelRoutes } from './channels.ts'
import { commandRoutes } from './commands.ts'
import { configurationRoutes } from './configuration.ts'
import { deliveryRoutes } from './deliveries.ts'
import { deviceCredentialRoutes } from './device-credentials.ts'
import { deviceRoutes } from './devices.ts'
import { diagnosticsRoutes } from './diagnostics.ts'
import { generalRoutes } from './general.ts'
import { jobRoutes } from './jobs.ts'
import { maintenanceRoutes } from './maintenance.ts'
import { messageRoutes } from './messages.ts'
import { pageRoutes } from './pages.ts'
import { packageRoutes } from './plugin-packages.ts'
import { pluginRoutes } from './plugins.ts'
import { provisioningKeyRoutes } from './provisioning-keys.ts'
import { ruleRoutes } from './rules.ts'
import { settingRoutes } from './settings.ts'
import { shadowRoutes } from './shadow.ts'
import { systemRoutes } from './system.ts'
import { telemetryRoutes } from './telemetry.ts'
import { tlsRoutes } from './tls.ts'
import { typeRoutes } from './types.ts'

/** Everything the platform answers over HTTP by itself. */
export const routes: readonly Routes[] = [
  ...generalRoutes,
  deviceRoutes,
  deviceCredentialRoutes,
  certificateRoutes,
  provisioningKeyRoutes,
  telemetryRoutes,
  shadowRoutes,
  commandRoutes,
  typeRoutes,
  accessRoutes,
  brokerAuthRoutes,
  alertRoutes,
  maintenanceRoutes,
  jobRoutes,
  ruleRoutes,
  messageRoutes,
  pluginRoutes,
  deliveryRoutes,
  packageRoutes,
  channelRoutes,
  configurationRoutes,
  systemRoutes,
  diagnosticsRoutes,
  backupRoutes,
  settingRoutes,
  tlsRoutes,
  pageRoutes,
]
