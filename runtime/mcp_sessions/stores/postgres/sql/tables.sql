-- The tables of the PostgreSQL store. Texts are kept as their UTF-8 bytes, for text here cannot hold a NUL; of one that
-- is too long for an index, the column has a digest in its place, and the full_ column beside it has the text.
-- Times are seconds since the epoch.

CREATE TABLE {schema}.format (version integer NOT NULL);
INSERT INTO {schema}.format VALUES ({format});

CREATE TABLE {schema}.sessions (
    no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space text COLLATE "C" NOT NULL,
    id bytea NOT NULL,
    schema bytea NOT NULL,
    full_id bytea,
    full_schema bytea,
    owner bytea,
    version bigint NOT NULL,
    digest bytea NOT NULL,
    since bigint NOT NULL,
    created double precision NOT NULL,
    expires double precision NOT NULL,
    idle double precision NOT NULL,
    max_at double precision,
    due double precision NOT NULL,       -- when purging has to look at it; not later than there is something to do
    state smallint NOT NULL DEFAULT 0,   -- 0 live (or expired and not purged yet), 1 expired, 2 ended
    size bigint NOT NULL DEFAULT 0,
    UNIQUE (space, id, schema)
) WITH (fillfactor = 80);                -- neither expires nor size is in an index: most updates stay in their page
CREATE INDEX sessions_due ON {schema}.sessions (due);
CREATE INDEX sessions_owner ON {schema}.sessions (substring(owner FOR 200), space, id, schema) WHERE state = 0;

CREATE TABLE {schema}.session_values (
    session bigint NOT NULL,
    name bytea NOT NULL,
    full_name bytea,
    value bytea NOT NULL,
    until double precision,
    PRIMARY KEY (session, name)
) WITH (fillfactor = 80);
CREATE INDEX session_values_until ON {schema}.session_values (until) WHERE until IS NOT NULL;

-- How many sessions are live, children not counted: the sum over all shards. Each connection counts in a shard of its
-- own, so that few wait for each other.
CREATE TABLE {schema}.live_counts (
    shard integer PRIMARY KEY,
    live bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO {schema}.live_counts SELECT shard, 0 FROM generate_series(0, 31) AS shard;
