import { asConstant, caFile, inUrl, type Login, type Place, type Snippet } from './snippet.ts'

export const httpSnippets = (place: Place, { id, secret }: Login): Snippet[] => {
  const { tls, authority } = place
  const url = `${tls ? 'https' : 'http'}://${inUrl(place)}/v1/devices/${id}/telemetry`
  const client = tls ? 'WiFiClientSecure' : 'WiFiClient'
  return [
    {
      protocol: 'HTTP',
      language: 'shell',
      text: `curl --fail-with-body -u ${id}:${secret}${tls ? ` --cacert ${caFile}` : ''} \\
  -d '{"temperature": 21.5}' ${url}`,
    },
    {
      protocol: 'HTTP',
      language: 'node',
      text: `${tls ? `// run with NODE_EXTRA_CA_CERTS=${caFile}\n` : ''}const answer = await fetch('${url}', {
  method: 'POST',
  headers: { authorization: 'Bearer ${secret}' },
  body: JSON.stringify({ temperature: 21.5 }),
})
console.log(answer.status) // 204: stored`,
    },
    {
      protocol: 'HTTP',
      language: 'python',
      text: `import json
${tls ? 'import ssl\n' : ''}import urllib.request

request = urllib.request.Request(
    "${url}",
    data=json.dumps({"temperature": 21.5}).encode(),
    headers={"Authorization": "Bearer ${secret}"},
)
answer = urllib.request.urlopen(request${tls ? `, context=ssl.create_default_context(cafile="${caFile}")` : ''})
print(answer.status)  # 204: stored`,
    },
    {
      protocol: 'HTTP',
      language: 'arduino',
      text: `// Board: ESP32
#include <WiFi.h>
#include <${client}.h>
#include <HTTPClient.h>

${tls ? asConstant(authority) : ''}${client} network;
HTTPClient http;

void setup() {
  WiFi.begin("your network", "its password");
  while (WiFi.status() != WL_CONNECTED) delay(200);
${tls ? '  network.setCACert(CA);\n' : ''}}

void loop() {
  http.begin(network, "${url}");
  http.addHeader("Authorization", "Bearer ${secret}");
  http.POST("{\\"temperature\\": 21.5}");  // 204: stored
  http.end();
  delay(5000);
}`,
    },
  ]
}
