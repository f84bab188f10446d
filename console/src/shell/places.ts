import type { Permission } from '@patchbay/contracts/person'
import {
  Bell,
  Blocks,
  Boxes,
  Cpu,
  House,
  KeyRound,
  ListChecks,
  Radio,
  Send,
  Server,
  SlidersHorizontal,
  Waypoints,
} from '@lucide/vue'
import type { Component } from 'vue'
import type { Word } from '../words/words.ts'

export interface Place {
  to: string
  word: Word
  icon: Component
  needs?: Permission
  /** In the bar at the bottom of a narrow screen. */
  first?: boolean
}

/** Where one can go, in four groups. */
export const groups: readonly { word: Word; places: readonly Place[] }[] = [
  {
    word: 'nav.observe',
    places: [
      { to: '/', word: 'nav.home', icon: House, first: true },
      { to: '/devices', word: 'nav.devices', icon: Cpu, needs: 'devices.read', first: true },
      { to: '/live', word: 'nav.live', icon: Radio, needs: 'messages.read', first: true },
      { to: '/alerts', word: 'nav.alerts', icon: Bell, needs: 'alerts.read', first: true },
    ],
  },
  {
    word: 'nav.automate',
    places: [
      { to: '/rules', word: 'nav.rules', icon: SlidersHorizontal, needs: 'rules.read' },
      { to: '/channels', word: 'nav.channels', icon: Send, needs: 'plugins.read' },
    ],
  },
  {
    word: 'nav.extend',
    places: [
      { to: '/types', word: 'nav.types', icon: Boxes, needs: 'types.read' },
      { to: '/plugins', word: 'nav.plugins', icon: Blocks, needs: 'plugins.read' },
    ],
  },
  {
    word: 'nav.operate',
    places: [
      { to: '/gateway', word: 'nav.gateway', icon: Waypoints, needs: 'plugins.read' },
      { to: '/jobs', word: 'nav.jobs', icon: ListChecks, needs: 'jobs.read' },
      { to: '/system', word: 'nav.system', icon: Server, needs: 'system.read' },
      { to: '/access', word: 'nav.access', icon: KeyRound },
    ],
  },
]
export const places = groups.flatMap((group) => group.places)
