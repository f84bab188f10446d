import { asConstant, caFile, inUrl, type Login, type Place, type Snippet, take } from './snippet.ts'

export const mqttSnippets = (place: Place, { id, secret }: Login): Snippet[] => {
  const { host, port, tls, authority } = place
  const client = tls ? 'WiFiClientSecure' : 'WiFiClient'
  return [
    {
      protocol: 'MQTT',
      language: 'shell',
      text: `mosquitto_pub -h ${host} -p ${port}${tls ? ` --cafile ${caFile}` : ''} \\
  -u ${id} -P ${secret} -q 1 \\
  -t devices/${id}/telemetry -m '{"temperature": 21.5}'`,
    },
    {
      protocol: 'MQTT',
      language: 'node',
      text: `// npm install mqtt
${take} mqtt from 'mqtt'
${tls ? `import { readFileSync } from 'node:fs'\n` : ''}
const client = await mqtt.connectAsync('${tls ? 'mqtts' : 'mqtt'}://${inUrl(place)}', {
  username: '${id}',
  password: '${secret}',${tls ? `\n  ca: readFileSync('${caFile}'),` : ''}
})
await client.publishAsync('devices/${id}/telemetry', JSON.stringify({ temperature: 21.5 }), { qos: 1 })
await client.endAsync()`,
    },
    {
      protocol: 'MQTT',
      language: 'python',
      text: `# pip install paho-mqtt
import paho.mqtt.client as mqtt

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.username_pw_set("${id}", "${secret}")
${tls ? `client.tls_set("${caFile}")\n` : ''}client.connect("${host}", ${port})
client.loop_start()
client.publish("devices/${id}/telemetry", '{"temperature": 21.5}', qos=1).wait_for_publish()
client.disconnect()`,
    },
    {
      protocol: 'MQTT',
      language: 'arduino',
      text: `// Library: PubSubClient; board: ESP32
#include <WiFi.h>
#include <${client}.h>
#include <PubSubClient.h>

${tls ? asConstant(authority) : ''}${client} network;
PubSubClient client(network);

void setup() {
  WiFi.begin("your network", "its password");
  while (WiFi.status() != WL_CONNECTED) delay(200);
${tls ? '  network.setCACert(CA);\n' : ''}  client.setServer("${host}", ${port});
}

void loop() {
  if (!client.connected()) client.connect("${id}", "${id}", "${secret}");
  client.loop();
  client.publish("devices/${id}/telemetry", "{\\"temperature\\": 21.5}");
  delay(5000);
}`,
    },
  ]
}
