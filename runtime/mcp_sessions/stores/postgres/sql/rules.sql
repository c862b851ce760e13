-- The operations of the PostgreSQL store: each is one function, so that it costs one round trip and is one transaction.
-- They decide what ``mcp_sessions.stores.rows`` and ``records`` decide; see there for the words. Locks are taken in one
-- order (a parent before its child, the child only with its parent; a session, then the owner's lock, then that of all),
-- so that none waits for another in a circle; purging waits for nobody.

-- What an operation answers. The code is NULL when it was done; "began" is false when the session was there.
CREATE TYPE {schema}.outcome AS (
    code text, began boolean, created double precision, expires double precision, version bigint, digest bytea,
    size bigint, since bigint, names bytea[], held bytea[], idle double precision, max_at double precision
);

CREATE TYPE {schema}.remains AS (
    space text, id bytea, schema bytea, owner bytea, reason text, names bytea[], held bytea[],
    version bigint, since bigint
);

CREATE TYPE {schema}.listed AS (
    space text, id bytea, schema bytea, owner bytea, created double precision, expires double precision,
    version bigint, digest bytea, size bigint, since bigint, idle double precision, max_at double precision
);

-- Why a session is not there for a caller; NULL if it is.
CREATE FUNCTION {schema}.refusal(
    p_state smallint, p_expires double precision, p_owner bytea, p_caller bytea, p_now double precision
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN p_state IS NULL OR p_now >= p_expires + {tombstone} OR p_owner IS DISTINCT FROM p_caller THEN 'unknown'
        WHEN p_state = 0 AND p_now < p_expires THEN NULL
        WHEN p_state = 2 THEN 'ended'
        ELSE 'expired'
    END
$$;

-- Whether a caller cannot use a session as it is: its version is older than those that the caller reads, or it is one
-- since which callers have to be newer than this one.
CREATE FUNCTION {schema}.are_apart(p_version bigint, p_since bigint, p_caller bigint, p_reads bigint)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (p_version < p_caller AND p_reads > p_version) OR (p_version > p_caller AND p_since > p_caller)
$$;

-- When a session expires after a use; what it was, if that is late enough to be left alone.
CREATE FUNCTION {schema}.slid(
    p_expires double precision, p_idle double precision, p_max_at double precision, p_now double precision
) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN p_expires >= least(p_now + p_idle, p_max_at) THEN p_expires
        ELSE least(p_now + p_idle * {generous}, p_max_at)
    END
$$;

-- When there is something to remove of a session: its values or, of one that is over, all.
CREATE FUNCTION {schema}.due(p_state smallint, p_expires double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_state = 0 THEN p_expires ELSE p_expires + {tombstone} END
$$;

CREATE FUNCTION {schema}.now_or(p_clock double precision) RETURNS double precision LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(p_clock, extract(epoch FROM clock_timestamp())::double precision)
$$;

-- Make sure that one more session may begin; returns why not. Counting and beginning must not be torn apart by others:
-- of one owner they are done one after the other, and of all as soon as there may be no room for all that go on at once.
CREATE FUNCTION {schema}.no_room(p_owner bytea, p_owner_sessions bigint, p_all_sessions bigint)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_family constant integer := hashtext({schema_text});
    v_margin constant bigint := current_setting('max_connections')::bigint;
    v_live bigint;
BEGIN
    IF p_owner_sessions IS NOT NULL AND p_owner IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(v_family, hashtext(encode(p_owner, 'hex')));
        SELECT count(*) INTO v_live FROM (
            SELECT 1 FROM {schema}.sessions
            WHERE substring(owner FOR 200) = substring(p_owner FOR 200) AND owner = p_owner AND state = 0
                AND (space <> 'transport' OR schema = '')
            LIMIT p_owner_sessions
        ) AS owned;
        IF v_live >= p_owner_sessions THEN
            RETURN 'owner is full';
        END IF;
    END IF;
    IF p_all_sessions IS NOT NULL THEN
        SELECT sum(live) INTO v_live FROM {schema}.live_counts;
        IF v_live + 2 * v_margin < p_all_sessions THEN
            PERFORM pg_advisory_xact_lock_shared(v_family, 0);
            SELECT sum(live) INTO v_live FROM {schema}.live_counts;
            IF v_live + v_margin >= p_all_sessions THEN
                RETURN 'again';
            END IF;
        ELSE
            PERFORM pg_advisory_xact_lock(v_family, 0);
            SELECT sum(live) INTO v_live FROM {schema}.live_counts;
            IF v_live >= p_all_sessions THEN
                RETURN 'store is full';
            END IF;
        END IF;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION {schema}.count_live(p_change bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE {schema}.live_counts SET live = live + p_change WHERE shard = pg_backend_pid() % 32 AND p_change <> 0
$$;

-- Remove the values of a session, and a parent's children; they are locked.
CREATE FUNCTION {schema}.emptied(p_session {schema}.sessions) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM {schema}.session_values WHERE session = p_session.no;
    IF p_session.space = 'transport' AND p_session.schema = '' THEN
        DELETE FROM {schema}.session_values AS v USING {schema}.sessions AS child
            WHERE child.space = 'transport' AND child.id = p_session.id AND child.schema <> '' AND v.session = child.no;
        DELETE FROM {schema}.sessions WHERE space = 'transport' AND id = p_session.id AND schema <> '';
    END IF;
END
$$;
