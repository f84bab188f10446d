// What the platform does not do: one send to every viewer for every update. A process of its own, since only its CPU is of interest.
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const rate = Number(process.env['RATE'])
const devices = Number(process.env['DEVICES'])
const everyMs = 10

const http = createServer()
const server = new WebSocketServer({ server: http, perMessageDeflate: false })
let updates = 0
setInterval(() => {
  for (let i = 0; i < (rate * everyMs) / 1000; i++) {
    const device = `bench-${updates++ % devices}`
    const point = { at: new Date().toISOString(), value: updates / 10 }
    // Made once for all: the cheapest that this way can be.
    const frame = Buffer.from(JSON.stringify({ change: { devices: { [device]: { values: { temperature: point } } } } }))
    for (const viewer of server.clients) viewer.send(frame, { binary: false })
  }
}, everyMs)
http.listen(0, '127.0.0.1', () => {
  const address = http.address()
  console.log(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
})
process.once('SIGTERM', () => process.exit(0))
