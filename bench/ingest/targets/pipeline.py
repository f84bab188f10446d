"""The pipeline that people write themselves: MQTT in, batches of 1,000 points or 1 s out to InfluxDB 1.x as line protocol."""

import http.client
import json
import queue
import sys
import threading
import time
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt

BATCH = 1000
MAX_WAIT_S = 1.0

host, port, influx_url, database = sys.argv[1], int(sys.argv[2]), urlsplit(sys.argv[3]), sys.argv[4]
lines = queue.Queue()


def on_connect(client, *_):
    client.subscribe([("sensors/+/+", 1), ("devices/+/telemetry", 1)])


def on_subscribe(*_):
    print("subscribed", flush=True)


def on_message(_client, _userdata, message):
    levels = message.topic.split("/")
    now = time.time_ns()
    try:
        if levels[0] == "sensors":
            lines.put(f"{levels[2]},device={levels[1]} value={float(message.payload)} {now}")
        else:
            for key, value in json.loads(message.payload).items():
                lines.put(f"{key},device={levels[1]} value={float(value)} {now}")
    except (ValueError, TypeError, AttributeError) as error:
        print("not a reading", message.topic, error, file=sys.stderr)


def write_forever():
    connection = http.client.HTTPConnection(influx_url.hostname, influx_url.port, timeout=20)
    while True:
        batch = [lines.get()]
        until = time.monotonic() + MAX_WAIT_S
        while len(batch) < BATCH:
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                batch.append(lines.get(timeout=left))
            except queue.Empty:
                break
        connection.request("POST", f"/write?db={database}&precision=ns", "\n".join(batch).encode())
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 204:
            print("influx", answer.status, body[:200], file=sys.stderr, flush=True)


threading.Thread(target=write_forever, daemon=True).start()
if hasattr(mqtt, "CallbackAPIVersion"):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="bench-pipeline")
else:
    client = mqtt.Client(client_id="bench-pipeline")
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.connect(host, port)
client.loop_forever()
