/**
 * The store's numbered migrations, oldest first; `PRAGMA user_version` says how many a file has had. Never edited after
 * a release: a change is a new entry.
 *
 * - `totals`: one row, written in the step that changes what it counts, so that no figure is ever counted by scanning.
 * - `jobs`: at most one live and one dead job per lane and key. `slot` is the lane's code, plus 3 when dead, so that
 *   one unique index states both bounds. A dead job's `due_at` is when it failed.
 * - `reasons`: one row per event: dedup memory (dedup-memory.ts finds the rows), reason and history at once
 *   (docs/decisions/0004). `job_id` is set while a job holds it; `lane` and `key` once it is settled. See event-place.ts for `event_id` and `event_place`.
 * - `accounts`, `children`: the ledger.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE totals (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    clock_at INTEGER NOT NULL DEFAULT 0,
    token INTEGER NOT NULL DEFAULT 0,
    job_id INTEGER NOT NULL DEFAULT 0,
    reason_seq INTEGER NOT NULL DEFAULT 0,
    reason_rows INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL DEFAULT 0,
    route_waiting INTEGER NOT NULL DEFAULT 0,
    route_leased INTEGER NOT NULL DEFAULT 0,
    route_dead INTEGER NOT NULL DEFAULT 0,
    route_unsettled INTEGER NOT NULL DEFAULT 0,
    sync_waiting INTEGER NOT NULL DEFAULT 0,
    sync_leased INTEGER NOT NULL DEFAULT 0,
    sync_dead INTEGER NOT NULL DEFAULT 0,
    sync_unsettled INTEGER NOT NULL DEFAULT 0,
    index_waiting INTEGER NOT NULL DEFAULT 0,
    index_leased INTEGER NOT NULL DEFAULT 0,
    index_dead INTEGER NOT NULL DEFAULT 0,
    index_unsettled INTEGER NOT NULL DEFAULT 0,
    intended INTEGER NOT NULL DEFAULT 0,
    stored INTEGER NOT NULL DEFAULT 0,
    indexed INTEGER NOT NULL DEFAULT 0,
    removing INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  INSERT INTO totals (id) VALUES (1);

  CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    slot INTEGER NOT NULL,
    key TEXT NOT NULL,
    state INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    event_at INTEGER,
    gen INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    token INTEGER,
    leased_at INTEGER,
    expires_at INTEGER,
    failures TEXT,
    next_rank INTEGER,
    next_due_at INTEGER,
    next_first_at INTEGER,
    next_event_at INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX jobs_by_key ON jobs (key, slot);
  CREATE INDEX jobs_ready ON jobs (slot, rank, due_at) WHERE state = 0;
  CREATE INDEX jobs_leased ON jobs (expires_at) WHERE state = 1;
  CREATE INDEX jobs_dead ON jobs (due_at) WHERE state = 2;
  CREATE INDEX jobs_oldest ON jobs (slot, event_at) WHERE event_at IS NOT NULL;

  CREATE TABLE reasons (
    seq INTEGER PRIMARY KEY,
    job_id INTEGER,
    gen INTEGER NOT NULL,
    fate INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    hash BLOB,
    event_id TEXT,
    event_place INTEGER,
    note TEXT NOT NULL,
    settled_at INTEGER,
    lane INTEGER,
    key TEXT
  ) STRICT;
  CREATE INDEX reasons_by_job ON reasons (job_id) WHERE job_id IS NOT NULL;
  CREATE INDEX reasons_by_event ON reasons (event_place) WHERE event_place IS NOT NULL;

  CREATE TABLE counters (name TEXT PRIMARY KEY, total INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    state INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    sink_ref TEXT,
    read_at INTEGER NOT NULL,
    written_at INTEGER NOT NULL,
    modified_at INTEGER,
    title TEXT NOT NULL,
    child_count INTEGER NOT NULL DEFAULT 0,
    children_hash TEXT,
    token INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX accounts_by_key ON accounts (account);
  CREATE INDEX accounts_by_state ON accounts (state, written_at) WHERE state <> 2;

  CREATE TABLE children (
    record TEXT PRIMARY KEY,
    account_id INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX children_by_account ON children (account_id);

  CREATE TABLE channels (
    channel_id TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    notify_url TEXT NOT NULL,
    events TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE sealed (name TEXT PRIMARY KEY, sealed TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
];
