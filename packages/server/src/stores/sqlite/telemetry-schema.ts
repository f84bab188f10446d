export const telemetrySchemaVersion = 1

/**
 * `hot` is the log in commit order; its index ends with the row id, that is `seq`. `value` has no affinity: a number is stored as the
 * double that it is (-0 too), a text as text. `doomed` holds series whose device was deleted and whose points still take space.
 * `seq_floor` keeps numbers from being given twice after the newest rows were deleted; `dropped` counts deleted rows.
 */
export const telemetrySchema = `
  CREATE TABLE series (id INTEGER PRIMARY KEY, device TEXT NOT NULL, key TEXT NOT NULL, UNIQUE (device, key)) STRICT;
  CREATE TABLE hot (seq INTEGER PRIMARY KEY, series INTEGER NOT NULL, at INTEGER NOT NULL, kind INTEGER NOT NULL,
    value ANY NOT NULL) STRICT;
  CREATE INDEX hot_place ON hot (series, at);
  CREATE TABLE doomed (series INTEGER PRIMARY KEY) STRICT;
  CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), writer TEXT NOT NULL, seq_floor INTEGER NOT NULL,
    dropped INTEGER NOT NULL) STRICT;
  INSERT INTO meta VALUES (1, lower(hex(randomblob(8))), 0, 0)`
