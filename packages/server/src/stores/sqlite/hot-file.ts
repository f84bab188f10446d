import type { DatabaseSync } from 'node:sqlite'
import { openDatabase, type Durability } from './database-file.ts'

/** The hot log stands in a file of its own beside the database: a commit never waits for what the database is being written. */
export const hotFileOf = (file: string): string => `${file}.hot`

const CACHE_BYTES = 2 * 1024 * 1024

/**
 * One row for each batch of a commit: `seq` is the number of its last point, `body` the points as columns, `texts` their texts as JSON, `definitions` the series
 * that came with it. `seqs` tells the numbers where they do not follow each other.
 */
const schema = `CREATE TABLE hot (seq INTEGER PRIMARY KEY, definitions TEXT, texts TEXT, seqs BLOB, body BLOB NOT NULL) STRICT`

export function openHotFile(file: string, durability: Durability): DatabaseSync {
  return openDatabase({ file: hotFileOf(file), durability, cacheBytes: CACHE_BYTES, schemaVersion: 1, schema })
}
