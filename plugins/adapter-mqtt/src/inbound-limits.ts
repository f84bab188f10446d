/** Announced to MQTT 5 clients, and enforced. [MQTT-3.3.4-7] [MQTT-3.2.2-17] */
export const inboundReceiveMaximum = 1_000
export const inboundTopicAliases = 32
