import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { whoAmI } from './api/session.ts'
import { t, type Word } from './words/words.ts'

declare module 'vue-router' {
  interface RouteMeta {
    title?: Word
    /** Stands alone, and for everybody. */
    open?: boolean
    /** Stands alone, for who is signed in. */
    alone?: boolean
  }
}

const routes: RouteRecordRaw[] = [
  {
    path: '/setup',
    component: () => import('./pages/first/setup-page.vue'),
    meta: { title: 'setup.title', open: true },
  },
  {
    path: '/setup/network',
    component: () => import('./pages/first/network-page.vue'),
    meta: { title: 'begin.network-title', alone: true },
  },
  {
    path: '/login',
    component: () => import('./pages/first/login-page.vue'),
    meta: { title: 'login.title', open: true },
  },
  { path: '/', component: () => import('./pages/home/home-page.vue'), meta: { title: 'nav.home' } },
  { path: '/devices', component: () => import('./pages/devices/devices-page.vue'), meta: { title: 'nav.devices' } },
  {
    path: '/devices/new',
    component: () => import('./pages/devices/new-device-page.vue'),
    meta: { title: 'device.new' },
  },
  {
    path: '/devices/:id/:tab?',
    component: () => import('./pages/devices/device-page.vue'),
    meta: { title: 'nav.devices' },
  },
  { path: '/types/:id?', component: () => import('./pages/devices/types-page.vue'), meta: { title: 'nav.types' } },
  { path: '/live', component: () => import('./pages/live/live-page.vue'), meta: { title: 'nav.live' } },
  { path: '/alerts', component: () => import('./pages/alerts/alerts-page.vue'), meta: { title: 'nav.alerts' } },
  {
    path: '/alerts/maintenance',
    component: () => import('./pages/alerts/maintenance-page.vue'),
    meta: { title: 'maintenance.title' },
  },
  { path: '/alerts/:id', component: () => import('./pages/alerts/alert-page.vue'), meta: { title: 'nav.alerts' } },
  { path: '/rules', component: () => import('./pages/rules/rules-page.vue'), meta: { title: 'nav.rules' } },
  { path: '/rules/:id', component: () => import('./pages/rules/rule-page.vue'), meta: { title: 'nav.rules' } },
  { path: '/channels', component: () => import('./pages/channels/channels-page.vue'), meta: { title: 'nav.channels' } },
  {
    path: '/channels/:name',
    component: () => import('./pages/channels/channel-page.vue'),
    meta: { title: 'nav.channels' },
  },
  { path: '/plugins', component: () => import('./pages/plugins/plugins-page.vue'), meta: { title: 'nav.plugins' } },
  {
    path: '/gateway/:tab?',
    component: () => import('./pages/gateway/gateway-page.vue'),
    meta: { title: 'nav.gateway' },
  },
  {
    path: '/gateway/:kind(routes|upstreams|services|certificates)/:id',
    component: () => import('./pages/gateway/object-page.vue'),
    meta: { title: 'nav.gateway' },
  },
  {
    path: '/plugins/:id/:tab?',
    component: () => import('./pages/plugins/plugin-page.vue'),
    meta: { title: 'nav.plugins' },
  },
  { path: '/jobs', component: () => import('./pages/operate/jobs-page.vue'), meta: { title: 'nav.jobs' } },
  { path: '/system', component: () => import('./pages/operate/system-page.vue'), meta: { title: 'nav.system' } },
  {
    path: '/system/network',
    component: () => import('./pages/network/network-page.vue'),
    meta: { title: 'network.title' },
  },
  {
    path: '/system/nodes',
    component: () => import('./pages/operate/nodes-page.vue'),
    meta: { title: 'node.title' },
  },
  {
    path: '/system/backups',
    component: () => import('./pages/operate/backups-page.vue'),
    meta: { title: 'backup.title' },
  },
  {
    path: '/system/configuration',
    component: () => import('./pages/operate/configuration-page.vue'),
    meta: { title: 'config.title' },
  },
  { path: '/access/:tab?', component: () => import('./pages/access/access-page.vue'), meta: { title: 'nav.access' } },
  { path: '/gallery', component: () => import('./pages/gallery/gallery-page.vue'), meta: { title: 'gallery.title' } },
  { path: '/settings', component: () => import('./pages/operate/settings-page.vue'), meta: { title: 'nav.settings' } },
  { path: '/:all(.*)', component: () => import('./pages/first/missing-page.vue'), meta: { title: 'missing.title' } },
]

export const router = createRouter({ history: createWebHistory(), routes })

router.beforeEach(async (to) => {
  if (to.meta.open) return true
  return (await whoAmI()) ? true : { path: '/login', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
})
router.afterEach((to) => {
  document.title = to.meta.title ? `${t(to.meta.title)} · Patchbay` : 'Patchbay'
})
