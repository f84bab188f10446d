import { definePlugin } from '@patchbay/sdk'

export default definePlugin({
  config: {},
  setup(ctx) {
    ctx.codec('my-plugin', {
      decode(bytes) {
        if (bytes.length !== 2) throw new RangeError('expected two bytes')
        const tenths = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getInt16(0)
        return [{ values: { temperature: tenths / 10 } }]
      },
    })
  },
})
