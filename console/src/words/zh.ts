import { shellWords } from './zh/shell.ts'
import { statesWords } from './zh/states.ts'
import { devicesWords } from './zh/devices.ts'
import { alertsWords } from './zh/alerts.ts'
import { galleryWords } from './zh/gallery.ts'
import { gatewayWords } from './zh/gateway.ts'
import { operateWords } from './zh/operate.ts'
import { packageWords } from './zh/packages.ts'
import { trustWords } from './zh/trust.ts'
import { fleetWords } from './zh/fleet.ts'
import { beginWords } from './zh/begin.ts'
import { networkWords } from './zh/network.ts'
import { deliveryWords } from './zh/delivery.ts'
import { nodeWords } from './zh/nodes.ts'
import { wholeWords } from './zh/whole.ts'

export { refusals } from './zh/refusals.ts'

/** Every text, in Simplified Chinese. */
export const zh = {
  ...shellWords,
  ...statesWords,
  ...devicesWords,
  ...alertsWords,
  ...galleryWords,
  ...operateWords,
  ...gatewayWords,
  ...packageWords,
  ...trustWords,
  ...fleetWords,
  ...beginWords,
  ...networkWords,
  ...nodeWords,
  ...wholeWords,
  ...deliveryWords,
}
