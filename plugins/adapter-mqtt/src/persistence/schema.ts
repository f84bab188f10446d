/** The broker's tables, and every statement that is ever run on them. */
export const schema = `
CREATE TABLE IF NOT EXISTS sessions (client TEXT PRIMARY KEY, keep_seconds INTEGER NOT NULL, expires_at_ms INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subscriptions (
  client TEXT NOT NULL, filter TEXT NOT NULL, qos INTEGER NOT NULL, details TEXT NOT NULL, PRIMARY KEY (client, filter)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outgoing (
  client TEXT NOT NULL, seq INTEGER NOT NULL, broker TEXT NOT NULL, counter INTEGER NOT NULL, message_id INTEGER, cmd TEXT NOT NULL,
  topic TEXT NOT NULL, payload BLOB NOT NULL, qos INTEGER NOT NULL, retain INTEGER NOT NULL, properties BLOB, expires_at_ms INTEGER,
  PRIMARY KEY (client, seq)
);
CREATE TABLE IF NOT EXISTS incoming (client TEXT NOT NULL, message_id INTEGER NOT NULL, PRIMARY KEY (client, message_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS retained (
  topic TEXT PRIMARY KEY, payload BLOB NOT NULL, qos INTEGER NOT NULL, properties BLOB, expires_at_ms INTEGER, client TEXT
);
CREATE TABLE IF NOT EXISTS wills (
  client TEXT PRIMARY KEY, broker TEXT NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL, qos INTEGER NOT NULL,
  retain INTEGER NOT NULL, properties BLOB
);
CREATE TABLE IF NOT EXISTS will_times (client TEXT PRIMARY KEY, due_at_ms INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
`

export const statements = {
  keepSession: 'INSERT OR REPLACE INTO sessions (client, keep_seconds, expires_at_ms) VALUES (?, ?, ?)',
  endSession: 'DELETE FROM sessions WHERE client = ?',
  subscribe: 'INSERT OR REPLACE INTO subscriptions (client, filter, qos, details) VALUES (?, ?, ?, ?)',
  unsubscribe: 'DELETE FROM subscriptions WHERE client = ? AND filter = ?',
  unsubscribeAll: 'DELETE FROM subscriptions WHERE client = ?',
  enqueue:
    'INSERT INTO outgoing (client, seq, broker, counter, message_id, cmd, topic, payload, qos, retain, properties, expires_at_ms) ' +
    'VALUES (?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?)',
  numberOutgoing: 'UPDATE outgoing SET message_id = ? WHERE client = ? AND seq = ?',
  releaseOutgoing: `UPDATE outgoing SET cmd = 'pubrel', payload = x'' WHERE client = ? AND seq = ?`,
  dequeue: 'DELETE FROM outgoing WHERE client = ? AND seq = ?',
  dequeueAll: 'DELETE FROM outgoing WHERE client = ?',
  remember: 'INSERT OR REPLACE INTO incoming (client, message_id) VALUES (?, ?)',
  forget: 'DELETE FROM incoming WHERE client = ? AND message_id = ?',
  forgetAll: 'DELETE FROM incoming WHERE client = ?',
  retain:
    'INSERT OR REPLACE INTO retained (topic, payload, qos, properties, expires_at_ms, client) VALUES (?, ?, ?, ?, ?, ?)',
  clearRetained: 'DELETE FROM retained WHERE topic = ?',
  putWill:
    'INSERT OR REPLACE INTO wills (client, broker, topic, payload, qos, retain, properties) VALUES (?, ?, ?, ?, ?, ?, ?)',
  deleteWill: 'DELETE FROM wills WHERE client = ?',
  timeWill: 'INSERT OR REPLACE INTO will_times (client, due_at_ms) VALUES (?, ?)',
  untimeWill: 'DELETE FROM will_times WHERE client = ?',
} as const

export type Statement = keyof typeof statements

export const queries = {
  sessions: 'SELECT * FROM sessions',
  subscriptions: 'SELECT * FROM subscriptions',
  outgoing: 'SELECT * FROM outgoing ORDER BY seq',
  incoming: 'SELECT * FROM incoming',
  retained: 'SELECT * FROM retained',
  wills: 'SELECT wills.*, will_times.due_at_ms FROM wills LEFT JOIN will_times USING (client)',
} as const
