import { shellWords } from './en/shell.ts'
import { statesWords } from './en/states.ts'
import { devicesWords } from './en/devices.ts'
import { alertsWords } from './en/alerts.ts'
import { galleryWords } from './en/gallery.ts'
import { gatewayWords } from './en/gateway.ts'
import { operateWords } from './en/operate.ts'
import { packageWords } from './en/packages.ts'
import { trustWords } from './en/trust.ts'
import { fleetWords } from './en/fleet.ts'
import { beginWords } from './en/begin.ts'
import { networkWords } from './en/network.ts'
import { deliveryWords } from './en/delivery.ts'
import { nodeWords } from './en/nodes.ts'
import { wholeWords } from './en/whole.ts'

/** Every text of the console. */
export const en = {
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
