-- What takes sessions from one store to another, and how many there are.

CREATE TYPE {schema}.copied AS (
    owner bytea, version bigint, digest bytea, created double precision, expires double precision,
    idle double precision, max_at double precision, names bytea[], held bytea[], untils double precision[],
    since bigint, taken double precision
);

CREATE FUNCTION {schema}.count_sessions() RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT sum(live)::bigint FROM {schema}.live_counts
$$;

CREATE FUNCTION {schema}.copy_out(p_clock double precision, p_space text, p_id bytea, p_schema bytea)
RETURNS SETOF {schema}.copied LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_now constant double precision := {schema}.now_or(p_clock);
BEGIN
    RETURN QUERY
        SELECT s.owner, s.version, s.digest, s.created, s.expires, s.idle, s.max_at, v.names, v.held, v.untils,
            s.since, v_now
        FROM {schema}.sessions AS s
        LEFT JOIN LATERAL (
            SELECT array_agg(coalesce(full_name, name)) AS names, array_agg(value) AS held, array_agg(until) AS untils
            FROM {schema}.session_values WHERE session = s.no AND (until IS NULL OR until > v_now)
        ) AS v ON true
        WHERE s.space = p_space AND s.id = p_id AND s.schema = p_schema AND s.state = 0 AND s.expires > v_now
            AND (p_space <> 'transport' OR p_schema = '' OR EXISTS (
                SELECT 1 FROM {schema}.sessions AS p WHERE p.space = p_space AND p.id = p_id AND p.schema = ''
                    AND p.state = 0 AND p.expires > v_now));
END
$$;

-- Returns why it is not done, as an outcome has it; NULL when it is.
CREATE FUNCTION {schema}.copy_in(
    p_clock double precision, p_space text, p_id bytea, p_schema bytea, p_full_id bytea, p_full_schema bytea,
    p_owner bytea, p_version bigint, p_digest bytea, p_since bigint, p_created double precision, p_expires double precision,
    p_idle double precision, p_max_at double precision, p_size bigint,
    p_names bytea[], p_full_names bytea[], p_values bytea[], p_untils double precision[]
) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    v_parent {schema}.sessions;
    v_former {schema}.sessions;
    v_no bigint;
    v_why text;
    v_now double precision;
    v_is_child constant boolean := p_space = 'transport' AND p_schema <> '';
BEGIN
    IF v_is_child THEN
        SELECT * INTO v_parent FROM {schema}.sessions WHERE space = p_space AND id = p_id AND schema = '' FOR NO KEY UPDATE;
    END IF;
    SELECT * INTO v_former FROM {schema}.sessions WHERE space = p_space AND id = p_id AND schema = p_schema FOR UPDATE;
    v_now := {schema}.now_or(p_clock);
    v_why := {schema}.refusal(0::smallint, p_expires, p_owner, p_owner, v_now);
    IF v_now < v_former.expires + {tombstone} THEN
        v_why := 'exists';
    END IF;
    IF v_is_child THEN
        v_why := coalesce({schema}.refusal(v_parent.state, v_parent.expires, v_parent.owner, p_owner, v_now), v_why);
    END IF;
    IF v_why IS NOT NULL THEN
        RETURN NEXT v_why;
        RETURN;
    END IF;
    IF v_former.no IS NOT NULL THEN
        PERFORM {schema}.emptied(v_former);
        DELETE FROM {schema}.sessions WHERE no = v_former.no;
    END IF;
    INSERT INTO {schema}.sessions (
        space, id, schema, full_id, full_schema, owner, version, digest, since, created, expires, idle, max_at, due, size
    ) VALUES (
        p_space, p_id, p_schema, p_full_id, p_full_schema, p_owner, p_version, p_digest, p_since, p_created,
        p_expires, p_idle, p_max_at, p_expires, p_size
    ) ON CONFLICT (space, id, schema) DO NOTHING RETURNING no INTO v_no;
    IF NOT FOUND THEN
        RETURN NEXT 'exists';
        RETURN;
    END IF;
    IF NOT v_is_child AND v_former.state IS DISTINCT FROM 0 THEN
        PERFORM {schema}.count_live(1);
    END IF;
    INSERT INTO {schema}.session_values (session, name, full_name, value, until)
        SELECT v_no, u.name, u.full_name, u.value, u.until
        FROM unnest(p_names, p_full_names, p_values, p_untils) AS u(name, full_name, value, until);
    RETURN NEXT NULL::text;
END
$$;

-- Give a session another version and change its values, if it is what it was; returns whether it is done.
CREATE FUNCTION {schema}.migrate(
    p_clock double precision, p_space text, p_id bytea, p_schema bytea, p_owner bytea, p_created double precision,
    p_was bigint, p_held_names bytea[], p_held bytea[], p_held_untils double precision[],
    p_version bigint, p_digest bytea, p_since bigint,
    p_names bytea[], p_full_names bytea[], p_values bytea[], p_untils double precision[]
) RETURNS SETOF boolean LANGUAGE plpgsql AS $$
DECLARE
    v_parent {schema}.sessions;
    v_session {schema}.sessions;
    v_now double precision;
    v_is_child constant boolean := p_space = 'transport' AND p_schema <> '';
    v_bytes bigint;
    v_replaced bigint;
BEGIN
    IF v_is_child THEN
        SELECT * INTO v_parent FROM {schema}.sessions WHERE space = p_space AND id = p_id AND schema = '' FOR NO KEY UPDATE;
    END IF;
    SELECT * INTO v_session FROM {schema}.sessions WHERE space = p_space AND id = p_id AND schema = p_schema
        FOR NO KEY UPDATE;
    v_now := {schema}.now_or(p_clock);
    IF {schema}.refusal(v_session.state, v_session.expires, v_session.owner, p_owner, v_now) IS NOT NULL
        OR (v_is_child
            AND {schema}.refusal(v_parent.state, v_parent.expires, v_parent.owner, p_owner, v_now) IS NOT NULL)
        OR (v_session.created, v_session.version) IS DISTINCT FROM (p_created, p_was)
        OR EXISTS (
            SELECT 1 FROM unnest(p_held_names, p_held, p_held_untils) AS h(name, value, until) FULL JOIN (
                SELECT name, value, until FROM {schema}.session_values
                WHERE session = v_session.no AND (until IS NULL OR until > v_now)
            ) AS v USING (name) WHERE (h.value, h.until) IS DISTINCT FROM (v.value, v.until)) THEN
        RETURN NEXT false;
        RETURN;
    END IF;
    SELECT coalesce(sum(octet_length(coalesce(u.full_name, u.name)) + octet_length(u.value)), 0) INTO v_bytes
        FROM unnest(p_names, p_full_names, p_values) AS u(name, full_name, value) WHERE u.value IS NOT NULL;
    SELECT coalesce(sum(octet_length(coalesce(v.full_name, v.name)) + octet_length(v.value)), 0) INTO v_replaced
        FROM {schema}.session_values AS v WHERE v.session = v_session.no AND v.name = ANY (p_names);
    UPDATE {schema}.sessions SET version = p_version, digest = p_digest, since = p_since, size = size + v_bytes - v_replaced
        WHERE no = v_session.no;
    DELETE FROM {schema}.session_values AS v WHERE v.session = v_session.no AND v.name = ANY (p_names);
    INSERT INTO {schema}.session_values (session, name, full_name, value, until)
        SELECT v_session.no, u.name, u.full_name, u.value, u.until
        FROM unnest(p_names, p_full_names, p_values, p_untils) AS u(name, full_name, value, until)
        WHERE u.value IS NOT NULL;
    RETURN NEXT true;
END
$$;
