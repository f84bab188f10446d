// For a server under test, before anything else of it: as if a member of the plugin API were deprecated, since none is now.
import { type Deprecation, deprecations } from '@patchbay/sdk'

const table = deprecations as Deprecation[]
table.push({ name: 'ctx.own', since: '1.0.0', gone: '2.0.0', instead: 'Use <b>ctx.hold</b> & co.' })
