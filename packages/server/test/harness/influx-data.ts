/** Where the data of the comparison begins, seconds. */
export const influxStart = 1_760_000_000

/** Line protocol (seconds) as a small plant would write it: gaps, several tags, texts, booleans, late and negative values. */
export function influxLines(): string {
  const lines: string[] = []
  const put = (line: string, seconds: number): void => void lines.push(`${line} ${influxStart + seconds}`)
  for (let n = 0; n < 360; n++) {
    put(`temperature,device=a value=${20 + (n % 7) + n * 0.1}`, n * 10)
    if (n % 3 !== 1) put(`temperature,device=b value=${10 + (n % 5)}`, n * 10 + 3)
    if (n < 100 || n > 200) put(`counter,device=c value=${(n * 3) % 500}`, n * 10)
    if (n % 6 === 0) {
      put(
        `motor,device=a speed=${100 + n},load=${n * 0.5},mode="${n % 4 === 0 ? 'eco' : 'full'}",on=${n % 12 === 0}`,
        n * 10,
      )
      put(`cpu,device=a,core=0 idle=${n}`, n * 10)
      put(`cpu,device=a,core=1 idle=${n * 2}`, n * 10)
      put(`cpu,device=b,core=0 idle=${-n / 3}`, n * 10)
    }
  }
  put('room\\ temp,device=b,floor=first\\ floor value=21.5', 5)
  return lines.join('\n')
}

const at = (seconds: number): string => `${(influxStart + seconds) * 1000}ms`
const time = `time >= ${at(0)} and time <= ${at(3600)}`

/** As Grafana's built-in InfluxDB data source writes them: its editor, its variables, its annotations, its test. */
export const grafanaQueries: readonly string[] = [
  'SHOW RETENTION POLICIES on "iot"',
  'SHOW MEASUREMENTS LIMIT 100',
  'SHOW MEASUREMENTS WITH MEASUREMENT =~ /(?i)TEMP/ LIMIT 100',
  'SHOW MEASUREMENTS WHERE "device" = \'b\' LIMIT 100',
  'SHOW TAG KEYS',
  'SHOW TAG KEYS FROM "cpu"',
  'SHOW TAG KEYS FROM "autogen"."cpu" WHERE "core" = \'1\'',
  'SHOW TAG VALUES FROM "temperature" WITH KEY = "device"',
  'SHOW TAG VALUES FROM "cpu" WITH KEY = "device" WHERE "core" = \'0\'',
  'SHOW TAG VALUES WITH KEY = "device"',
  'SHOW TAG VALUES FROM "cpu" WITH KEY IN ("core", "device")',
  'SHOW FIELD KEYS FROM "motor"',
  'SHOW FIELD KEYS FROM "autogen"."temperature"',
  'SHOW SERIES FROM "cpu"',
  `SELECT mean("value") FROM "temperature" WHERE ${time} GROUP BY time(10s) fill(null)`,
  `SELECT mean("value") FROM "temperature" WHERE ${time} GROUP BY time(1m), "device"::tag fill(null)`,
  `SELECT mean("value") FROM "autogen"."temperature" WHERE ("device"::tag = 'a' OR "device"::tag =~ /^b.*$/) AND ${time} GROUP BY time(2m), "device"::tag fill(none)`,
  `SELECT mean("value") FROM "counter" WHERE ${time} GROUP BY time(1m) fill(previous)`,
  `SELECT mean("value") FROM "counter" WHERE ${time} GROUP BY time(1m) fill(linear)`,
  `SELECT mean("value") FROM "counter" WHERE ${time} GROUP BY time(1m) fill(0)`,
  `SELECT count("value") FROM "counter" WHERE ${time} GROUP BY time(5m)`,
  `SELECT min("value"), max("value"), sum("value") FROM "temperature" WHERE ${time} GROUP BY time(5m), "device"`,
  `SELECT first("value"), last("value") FROM "temperature" WHERE ${time} GROUP BY time(10m) fill(null)`,
  `SELECT last("value") FROM "temperature" WHERE ${time} GROUP BY "device"`,
  `SELECT percentile("value", 95) FROM "temperature" WHERE ${time} GROUP BY time(5m) fill(null)`,
  `SELECT median("value"), spread("value"), stddev("value") FROM "temperature" WHERE ${time} GROUP BY time(10m)`,
  `SELECT derivative(mean("value"), 1s) FROM "temperature" WHERE ${time} GROUP BY time(1m) fill(null)`,
  `SELECT non_negative_derivative(mean("value"), 10s) FROM "counter" WHERE ${time} GROUP BY time(1m), "device" fill(null)`,
  `SELECT difference(last("value")) FROM "counter" WHERE time >= ${at(605)} and time <= ${at(1800)} GROUP BY time(1m) fill(null)`,
  `SELECT moving_average(mean("value"), 5) FROM "temperature" WHERE ${time} GROUP BY time(2m) fill(null)`,
  `SELECT cumulative_sum(count("value")) FROM "temperature" WHERE ${time} GROUP BY time(10m)`,
  `SELECT mean("speed") * 2 + 1, mean("speed") / mean("load") FROM "motor" WHERE ${time} GROUP BY time(10m)`,
  `SELECT mean("idle") AS "idle cores" FROM "cpu" WHERE "device"::tag = 'a' AND ${time} GROUP BY time(10m), "core"::tag fill(null) ORDER BY time DESC`,
  `SELECT mean(*) FROM "motor" WHERE ${time} GROUP BY time(20m)`,
  `SELECT "speed", "load", "mode" FROM "motor" WHERE ${time} LIMIT 20`,
  `SELECT "mode" FROM "motor" WHERE "on" = true AND ${time} ORDER BY time DESC LIMIT 3`,
  `SELECT * FROM "cpu" WHERE ${time} AND "core" !~ /1/ LIMIT 5 OFFSET 2`,
  `SELECT "idle" FROM "cpu" WHERE ${time} GROUP BY * LIMIT 3 SLIMIT 2 SOFFSET 1`,
  `SELECT mean("value") FROM /^(temperature|counter)$/ WHERE ${time} GROUP BY time(20m) fill(null)`,
  `SELECT count("load") FROM "motor" WHERE "mode" = 'eco' AND "speed" > 200 AND ${time}`,
  `SELECT "value" FROM "room temp" WHERE "floor"::tag = 'first floor' AND ${time}`,
  `SELECT max("value") FROM "temperature" WHERE ${time}; SELECT min("value") FROM "temperature" WHERE ${time}`,
]

/** As people write them in the shell, and what does not work. */
export const otherQueries: readonly string[] = [
  'SELECT mean(value) FROM temperature',
  'SELECT mean(value), max(value) FROM temperature GROUP BY device',
  'SELECT max(value) FROM temperature',
  "SELECT percentile(value, 50) FROM temperature WHERE device = 'a'",
  'SELECT max(speed), load, mode FROM motor',
  `SELECT max(speed), load FROM motor WHERE ${time} GROUP BY time(30m)`,
  'SELECT last(*) FROM motor',
  'SELECT count(*) FROM motor',
  'SELECT mean(/sp|lo/) FROM motor',
  'SELECT speed + load, speed / load FROM motor LIMIT 2',
  'SELECT speed AS s, load + 1 AS l FROM motor LIMIT 2',
  'SELECT value, device FROM temperature LIMIT 3',
  'SELECT value, device FROM temperature ORDER BY time DESC LIMIT 5',
  "SELECT idle, core FROM cpu WHERE device = 'b' ORDER BY time DESC LIMIT 7",
  'SELECT value FROM temperature ORDER BY time DESC LIMIT 2 OFFSET 3',
  'SELECT * FROM cpu GROUP BY core LIMIT 2',
  'SELECT *::field FROM cpu LIMIT 1',
  'SELECT *::tag FROM cpu LIMIT 1',
  'SELECT value, /de/ FROM temperature LIMIT 1',
  'SELECT device FROM temperature',
  'SELECT nothing FROM temperature',
  'SELECT nothing, value FROM temperature LIMIT 2',
  'SELECT mean(value) FROM nothing',
  'SELECT mean(value) FROM temperature, counter',
  'SELECT mean(value) FROM temperature GROUP BY nothing',
  "SELECT value FROM temperature WHERE core = '' LIMIT 1",
  "SELECT value FROM temperature WHERE core != 'x' LIMIT 1",
  'SELECT value FROM temperature WHERE device !~ /^a$/ LIMIT 1',
  "SELECT value FROM temperature WHERE device = 'zzz'",
  "SELECT value FROM temperature WHERE value > 60 AND device = 'a' LIMIT 3",
  "SELECT value FROM temperature WHERE (device = 'a' AND value > 60) OR (device = 'b' AND value > 13) LIMIT 4",
  "SELECT mean(value) FROM temperature WHERE time >= '2025-10-09T08:53:20Z' AND time < '2025-10-09 08:54:20' GROUP BY time(30s, 10s)",
  "SELECT mean(value) FROM temperature WHERE time >= '2025-10-09T08:53:20Z' AND time < '2025-10-09 10:54:20' GROUP BY time(30m, -7m)",
  `SELECT mean(value) FROM temperature WHERE time >= ${at(0)} AND time <= ${influxStart + 40}000000000 GROUP BY time(20s)`,
  `SELECT mean(value) FROM temperature WHERE time >= ${at(0)} - 1h AND time < ${at(0)} + 10m GROUP BY time(10m)`,
  `SELECT mean(value), count(value) FROM counter WHERE time >= ${at(905)} and time < ${at(1200)} GROUP BY time(1m) fill(7) ORDER BY time DESC LIMIT 3 OFFSET 1`,
  `SELECT count(value) FROM counter WHERE time >= ${at(1100)} and time < ${at(1300)} GROUP BY time(1m)`,
  `SELECT mean(value) FROM counter WHERE time >= ${at(1500)} and time < ${at(2200)} GROUP BY time(1m) fill(previous)`,
  `SELECT derivative(value) FROM temperature WHERE time >= ${at(0)} and time < ${at(40)}`,
  `SELECT difference(value) FROM temperature WHERE time >= ${at(0)} and time < ${at(40)} GROUP BY device`,
  'SELECT elapsed(value, 1s) FROM temperature LIMIT 3',
  'SELECT cumulative_sum(value) FROM counter LIMIT 3',
  'SELECT abs(idle), round(idle), floor(idle), sqrt(idle) FROM cpu GROUP BY * LIMIT 6',
  `SELECT mean(value) FROM (SELECT mean(value) AS value FROM temperature WHERE ${time} GROUP BY time(10s), device)`,
  `SELECT max(m) FROM (SELECT mean(value) AS m FROM temperature WHERE ${time} GROUP BY time(5m), device) GROUP BY device`,
  'SHOW TAG KEYS FROM cpu LIMIT 1',
  "SHOW TAG VALUES FROM cpu WITH KEY =~ /c/ WHERE device = 'a' LIMIT 1",
  'SHOW TAG VALUES FROM cpu WITH KEY != "core"',
  'SHOW TAG VALUES FROM temperature WITH KEY = device WHERE core =~ /./',
  'SHOW FIELD KEYS FROM nothing',
  'SHOW FIELD KEYS LIMIT 1',
  'SHOW SERIES LIMIT 2 OFFSET 1',
  'SELECT mean(value) FROM temperature WHERE time > now() - 1h GROUP BY time(10m)',
  'SELECT value FROM',
  'SELECT',
  'SHOW FOO',
  'SELECT mean(value FROM temperature',
  'SELECT value FROM temperature WHERE',
  "SELECT value FROM temperature WHERE time > 'abc'",
  'SELECT value FROM temperature GROUP BY time(10s)',
  'SELECT mean(mode) FROM motor',
  'SELECT mean(speed) * 2, speed FROM motor',
  'SELECT foo(value) FROM temperature; SHOW DATABASES; SHOW TAG KEYS',
  'SELECT percentile(value) FROM temperature',
  'SELECT 1 FROM temperature',
  'SELECT derivative(mean(value), 1s) FROM temperature',
  'SELECT mean(value) FROM temperature GROUP BY time(1us)',
  'SELECT mean(value) FROM temperature GROUP BY time(10s) fill(foo)',
  'SELECT value FROM temperature ORDER BY value',
  'SELECT value FROM temperature LIMIT -1',
  'CREATE DATABASE',
  'CREATE DATABASE "iot"',
]
