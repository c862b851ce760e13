-- The operations on one key, the usual case of which is short: the session is live, the caller's, and of the same version.
-- Whatever is not usual they leave to "read" and "change", and pass on what those say.

-- What they answer: whether the session was there, and the key's value; of what was not usual the whole outcome.
CREATE TYPE {schema}.answer AS (found boolean, value bytea, rest {schema}.outcome);

CREATE FUNCTION {schema}.get(
    p_clock double precision, p_space text, p_id bytea, p_schema bytea, p_owner bytea, p_begin boolean,
    p_version bigint, p_reads bigint, p_name bytea
) RETURNS {schema}.answer LANGUAGE plpgsql STABLE AS $$
DECLARE
    a {schema}.answer;
    v_now constant double precision := {schema}.now_or(p_clock);
    v_no bigint;
BEGIN
    SELECT no INTO v_no FROM {schema}.sessions
        WHERE space = p_space AND id = p_id AND schema = p_schema AND state = 0 AND owner IS NOT DISTINCT FROM p_owner
            AND version = p_version AND expires > v_now AND expires >= least(v_now + idle, max_at);
    IF FOUND AND p_space = 'transport' AND p_schema <> '' THEN
        PERFORM FROM {schema}.sessions
            WHERE space = p_space AND id = p_id AND schema = '' AND state = 0 AND owner IS NOT DISTINCT FROM p_owner
                AND expires > v_now AND expires >= least(v_now + idle, max_at);
    END IF;
    IF FOUND THEN
        SELECT value INTO a.value FROM {schema}.session_values
            WHERE session = v_no AND name = p_name AND (until IS NULL OR until > v_now);
        a.found := true;
    ELSE
        a.rest := {schema}.read(
            p_clock, p_space, p_id, p_schema, p_owner, p_begin, p_version, p_reads, ARRAY[p_name], false);
    END IF;
    RETURN a;
END
$$;

-- Sets the key; or adds "by" to it, where "value" is what an unset one counts for; or sets it if it holds what is expected.
-- Names and ids are short ones, and "by" leaves room in a bigint for a number of 18 digits. Where "begin" is NULL, the
-- session may begin, but not in this transaction: then nothing is done, and nothing answered. What follows
-- "session_bytes" is for a session that begins.
CREATE FUNCTION {schema}.put(
    p_clock double precision, p_space text, p_id bytea, p_schema bytea, p_owner bytea, p_begin boolean,
    p_version bigint, p_reads bigint, p_name bytea, p_value bytea, p_ttl double precision, p_compares boolean,
    p_expected bytea, p_by bigint, p_value_bytes bigint, p_session_bytes bigint,
    p_idle double precision, p_max double precision, p_digest bytea, p_since bigint, p_owner_sessions bigint,
    p_all_sessions bigint
) RETURNS {schema}.answer LANGUAGE plpgsql AS $$
DECLARE
    a {schema}.answer;
    v_is_child constant boolean := p_space = 'transport' AND p_schema <> '';
    v_parent {schema}.sessions;
    v_session record;
    v_now double precision;
    v_expires double precision;
    v_held bytea;
    v_number text;
    v_value bytea := p_value;
    v_before bigint;
    v_size bigint;
BEGIN
    IF v_is_child THEN
        SELECT * INTO v_parent FROM {schema}.sessions WHERE space = 'transport' AND id = p_id AND schema = ''
            AND state = 0 AND owner IS NOT DISTINCT FROM p_owner FOR NO KEY UPDATE;
    END IF;
    SELECT no, expires, idle, max_at, size INTO v_session FROM {schema}.sessions
        WHERE space = p_space AND id = p_id AND schema = p_schema
            AND state = 0 AND owner IS NOT DISTINCT FROM p_owner AND version = p_version
            AND (NOT v_is_child OR v_parent.state = 0) FOR NO KEY UPDATE;  -- a child only with its parent
    v_now := {schema}.now_or(p_clock);
    IF v_now < v_session.expires AND (NOT v_is_child OR v_now < v_parent.expires) THEN
        SELECT CASE WHEN until <= v_now THEN NULL ELSE value END, octet_length(value) INTO v_held, v_before
            FROM {schema}.session_values WHERE session = v_session.no AND name = p_name;
        IF p_by IS NOT NULL THEN
            v_number := encode(coalesce(v_held, p_value), 'escape');
            v_value := CASE WHEN v_number ~ '^-?(0|[1-9][0-9]{0,17})$' THEN (v_number::bigint + p_by)::text::bytea END;
        END IF;
        v_size := v_session.size + octet_length(v_value) - coalesce(v_before, -octet_length(p_name));
        IF v_size IS NOT NULL AND (NOT p_compares OR v_held IS NOT DISTINCT FROM p_expected)
            AND (p_value_bytes IS NULL OR octet_length(v_value) <= p_value_bytes)
            AND (p_session_bytes IS NULL OR v_size <= greatest(p_session_bytes, v_session.size)) THEN
            v_expires := {schema}.slid(v_session.expires, v_session.idle, v_session.max_at, v_now);
            IF v_size <> v_session.size OR v_expires <> v_session.expires THEN
                UPDATE {schema}.sessions SET size = v_size, expires = v_expires, due = least(due, v_expires)
                    WHERE no = v_session.no;
            END IF;
            IF v_is_child AND {schema}.slid(v_parent.expires, v_parent.idle, v_parent.max_at, v_now) <> v_parent.expires THEN
                UPDATE {schema}.sessions SET expires = {schema}.slid(expires, idle, max_at, v_now) WHERE no = v_parent.no;
            END IF;
            INSERT INTO {schema}.session_values (session, name, value, until)
                VALUES (v_session.no, p_name, v_value, v_now + p_ttl)
                ON CONFLICT (session, name) DO UPDATE SET value = excluded.value, until = excluded.until;
            a.found := true;
            IF p_by IS NOT NULL THEN
                a.value := v_value;
            END IF;
            RETURN a;
        END IF;
    END IF;
    IF p_begin IS NOT NULL THEN
        a.rest := {schema}.change(
            CASE WHEN p_by IS NULL THEN 'write' ELSE 'increment' END, p_clock, p_space, p_id, p_schema, p_owner,
            p_begin, p_idle, p_max, p_version, p_digest, p_since, p_reads, NULL, NULL,
            p_value_bytes, p_session_bytes, p_owner_sessions, p_all_sessions,
            ARRAY[p_name], NULL, ARRAY[p_value], ARRAY[p_ttl],
            CASE WHEN p_compares THEN ARRAY[p_name] END, CASE WHEN p_compares THEN ARRAY[p_expected] END, p_by, false);
    END IF;
    RETURN a;
END
$$;
