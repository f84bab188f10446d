export const jobsSchemaVersion = 1

/** `state`: 0 waits until `due`, which was `wait` ms ahead; 1 is leased until `due`, 2 failed at `due`. The partial indexes keep a claim short whatever lies in the table. */
export const jobState = { waiting: 0, leased: 1, failed: 2 } as const

export const jobsSchema = `
CREATE TABLE jobs (
  queue TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL, state INTEGER NOT NULL, due INTEGER NOT NULL, wait INTEGER NOT NULL,
  lease INTEGER NOT NULL, attempt INTEGER NOT NULL, created INTEGER NOT NULL, why TEXT NOT NULL,
  PRIMARY KEY (queue, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_waiting ON jobs (queue, due, key) WHERE state = ${jobState.waiting};
CREATE INDEX jobs_leased ON jobs (queue, due) WHERE state = ${jobState.leased};
CREATE INDEX jobs_failed ON jobs (queue, due, key) WHERE state = ${jobState.failed}`
