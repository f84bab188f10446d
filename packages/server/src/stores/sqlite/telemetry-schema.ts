import type { DatabaseOptions } from './database-file.ts'

const CACHE_BYTES = 8 * 1024 * 1024

/**
 * `chunk` holds sealed records of one device (`owner`): `head` the summaries of its series, `body` the frame. No id is given
 * twice while the store is open, so a chunk that was replaced by a larger one is never mistaken for it. `newest` is the newest sealed point of each series; `leaving` the
 * owners whose device was deleted and whose chunks still take space. `rollup` holds a day of a series in stretches of its
 * tier; a day in `changed` is not rolled up as it is now, and one before `raw_from` never will be again. `follower` says up to where each reader of the log has come, `sample`
 * the highest number at the begin of an hour, `meta.unread` how many points were dropped that a follower had not read.
 */
const sealedTables = `
  CREATE TABLE owner (id INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL UNIQUE,
    raw_from INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE chunk (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL, seq_from INTEGER NOT NULL, seq_to INTEGER NOT NULL, records INTEGER NOT NULL,
    points INTEGER NOT NULL, head BLOB NOT NULL, body BLOB NOT NULL) STRICT;
  CREATE INDEX chunk_place ON chunk (owner, to_at, from_at);
  CREATE INDEX chunk_seq ON chunk (seq_to, seq_from);
  CREATE TABLE newest (series INTEGER PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL, kind INTEGER NOT NULL,
    value ANY NOT NULL) STRICT;
  CREATE TABLE rollup (series INTEGER NOT NULL, tier INTEGER NOT NULL, day INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (series, tier, day)) STRICT, WITHOUT ROWID;
  CREATE TABLE changed (owner INTEGER NOT NULL, day INTEGER NOT NULL, marked INTEGER NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (owner, day)) STRICT, WITHOUT ROWID;
  CREATE INDEX changed_since ON changed (since);
  CREATE TABLE leaving (owner INTEGER PRIMARY KEY) STRICT;
  CREATE TABLE follower (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
  CREATE TABLE sample (hour INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
  ALTER TABLE meta ADD COLUMN unread INTEGER NOT NULL DEFAULT 0`

/**
 * A point of a device is sealed when its number is not above `sealed_to`. `meta.last_series` keeps ids of series from being given twice, and
 * `seq_floor` numbers; definitions of series that came with points up to `defined_to` are in `series`. `gone` are points in the log that
 * retention dropped.
 */
const watermarks = `
  ALTER TABLE owner ADD COLUMN sealed_to INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE meta ADD COLUMN last_series INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE meta ADD COLUMN defined_to INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE gone (seq INTEGER PRIMARY KEY) STRICT`

/** `series_from` says since when a series has points whose key is kept less long than others of its device. */
const keyTimes = `CREATE TABLE series_from (series INTEGER PRIMARY KEY, raw_from INTEGER NOT NULL) STRICT`

/**
 * `doomed` holds series whose device was deleted and whose roll-ups still take space. `dropped` counts points that are gone. What is committed
 * and not yet sealed stands in the hot log, a file of its own.
 */
const schema = `
  CREATE TABLE series (id INTEGER PRIMARY KEY, device TEXT NOT NULL, key TEXT NOT NULL, UNIQUE (device, key)) STRICT;
  CREATE TABLE doomed (series INTEGER PRIMARY KEY) STRICT;
  CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), writer TEXT NOT NULL, seq_floor INTEGER NOT NULL,
    dropped INTEGER NOT NULL) STRICT;
  INSERT INTO meta VALUES (1, lower(hex(randomblob(8))), 0, 0);
  ${sealedTables};
  ${watermarks};
  ${keyTimes}`

/** What brings a file of the version before to the next. Rows of a hot log that stood in the database itself are moved out by `moveRows`. */
const upgrades: Readonly<Record<number, string>> = {
  1: sealedTables,
  2: `${watermarks};
    DROP INDEX hot_place;
    ALTER TABLE hot RENAME TO moving`,
  3: keyTimes,
}

export const telemetryDatabase: Omit<DatabaseOptions, 'file' | 'durability'> = {
  schemaVersion: 4,
  schema,
  upgrades,
  shrinks: true,
  cacheBytes: CACHE_BYTES,
}
