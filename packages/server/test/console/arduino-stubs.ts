/** As much of the boards' libraries as the sketches use, with the signatures of the real ones. */
export const arduinoStubs: Readonly<Record<string, string>> = {
  'Arduino.h': `#pragma once
#include <stdint.h>
void delay(uint32_t ms);
struct String { String(const char* text = ""); };
`,
  'WiFiClient.h': `#pragma once
struct Client { virtual ~Client() {} };
struct WiFiClient : Client {};
`,
  'WiFiClientSecure.h': `#pragma once
#include "WiFiClient.h"
struct WiFiClientSecure : WiFiClient { void setCACert(const char* rootCA); };
`,
  'WiFi.h': `#pragma once
#include "WiFiClient.h"
enum wl_status_t { WL_IDLE_STATUS, WL_CONNECTED };
struct WiFiClass { wl_status_t begin(const char* ssid, const char* passphrase); wl_status_t status(); };
extern WiFiClass WiFi;
`,
  'PubSubClient.h': `#pragma once
#include "WiFiClient.h"
struct PubSubClient {
  PubSubClient(Client& client);
  PubSubClient& setServer(const char* domain, uint16_t port);
  bool connect(const char* id, const char* user, const char* pass);
  bool connected();
  bool loop();
  bool publish(const char* topic, const char* payload);
};
`,
  'HTTPClient.h': `#pragma once
#include "WiFiClient.h"
struct HTTPClient {
  bool begin(WiFiClient& client, String url);
  void addHeader(const String& name, const String& value, bool first = false, bool replace = true);
  int POST(String payload);
  void end();
};
`,
}
