-- The operations on one live session, or one that may begin, that change something:
--   create, touch, write, increment, append    may begin it
--   replace     a write that on a mismatch changes nothing at all
--   remove, clear, use                         may not
CREATE OR REPLACE FUNCTION {schema}.change(
    p_op text, p_clock double precision, p_space text, p_id bytea, p_schema bytea, p_owner bytea,
    p_begin boolean, p_idle double precision, p_max double precision, p_version bigint, p_digest bytea,
    p_since bigint, p_reads bigint, p_full_id bytea, p_full_schema bytea,
    p_value_bytes bigint, p_session_bytes bigint, p_owner_sessions bigint, p_all_sessions bigint,
    p_names bytea[], p_full_names bytea[], p_values bytea[], p_ttls double precision[],
    p_expected_names bytea[], p_expected bytea[], p_by numeric, p_relive boolean
) RETURNS {schema}.outcome LANGUAGE plpgsql AS $$
DECLARE
    o {schema}.outcome;
    v_parent {schema}.sessions;
    v_former {schema}.sessions;
    v_session {schema}.sessions;
    v_now double precision;
    v_is_child constant boolean := p_space = 'transport' AND p_schema <> '';
    v_is_new boolean := false;
    v_writes boolean := p_names IS NOT NULL;
    v_values bytea[] := p_values;
    v_held bytea;
    v_text bytea;
    v_before bigint;
    v_bytes bigint;
    v_too_large bigint;
BEGIN
    -- Who is it, and is there anything?
    IF v_is_child THEN
        SELECT * INTO v_parent FROM {schema}.sessions WHERE space = p_space AND id = p_id AND schema = '' FOR NO KEY UPDATE;
    END IF;
    SELECT * INTO v_former FROM {schema}.sessions WHERE space = p_space AND id = p_id AND schema = p_schema
        FOR NO KEY UPDATE;
    v_now := {schema}.now_or(p_clock);
    IF v_is_child THEN
        o.code := {schema}.refusal(v_parent.state, v_parent.expires, v_parent.owner, p_owner, v_now);
        IF o.code IS NOT NULL THEN
            RETURN o;
        END IF;
    END IF;
    IF p_op = 'create' THEN
        IF v_now < v_former.expires + {tombstone} THEN
            o.code := 'exists';
            RETURN o;
        END IF;
        v_is_new := true;
    ELSE
        o.code := {schema}.refusal(v_former.state, v_former.expires, v_former.owner, p_owner, v_now);
        IF o.code IS NOT NULL THEN
            v_is_new := p_begin AND (p_space <> 'transport' OR v_is_child) AND (
                v_former.no IS NULL OR v_now >= v_former.expires + {tombstone} OR o.code = 'ended');
            IF NOT v_is_new THEN
                RETURN o;
            END IF;
            o.code := NULL;
        ELSIF p_op <> 'touch' AND {schema}.are_apart(v_former.version, v_former.since, p_version, p_reads) THEN
            o.code := 'other version';
            o.version := v_former.version;
            RETURN o;
        END IF;
    END IF;
    v_session := v_former;
    IF NOT v_is_new THEN
        o.began := false;
    END IF;

    -- What does it hold, and what shall it hold?
    IF p_op IN ('remove', 'increment', 'append') AND NOT v_is_new THEN
        SELECT value INTO v_held FROM {schema}.session_values
            WHERE session_values.session = v_former.no AND name = p_names[1] AND (until IS NULL OR until > v_now);
    END IF;
    CASE p_op
        WHEN 'write', 'replace' THEN
            IF p_expected_names IS NOT NULL THEN
                SELECT array_agg(v.value ORDER BY e.at) INTO o.held
                    FROM unnest(p_expected_names) WITH ORDINALITY AS e(name, at)
                    LEFT JOIN {schema}.session_values AS v ON NOT v_is_new AND v.session = v_former.no
                        AND v.name = e.name AND (v.until IS NULL OR v.until > v_now);
                IF o.held IS DISTINCT FROM p_expected THEN
                    o.code := 'changed';
                    IF p_op = 'replace' THEN
                        RETURN o;
                    END IF;
                    v_writes := false;
                END IF;
            END IF;
        WHEN 'remove' THEN
            o.held := ARRAY[v_held];
            v_writes := v_held IS NOT NULL;
            v_values := ARRAY[NULL::bytea];
        WHEN 'increment' THEN
            v_text := coalesce(v_held, p_values[1]);
            IF p_by IS NULL OR octet_length(v_text) > {digits} OR encode(v_text, 'escape') !~ '^-?(0|[1-9][0-9]*)$' THEN
                o.code := 'by hand';
                o.held := ARRAY[v_held];
                RETURN o;
            END IF;
            v_text := convert_to((encode(v_text, 'escape')::numeric + p_by)::text, 'UTF8');
            v_values := ARRAY[v_text];
            o.held := v_values;
        WHEN 'append' THEN
            v_text := btrim(coalesce(v_held, p_values[1]), '\x20090d0a'::bytea);
            IF octet_length(v_text) < 2 OR substring(v_text FOR 1) <> '['
                OR substring(v_text FROM octet_length(v_text)) <> ']' THEN
                o.code := 'no array';
                o.held := ARRAY[coalesce(v_held, p_values[1])];
                RETURN o;
            END IF;
            v_writes := p_values[2] IS NOT NULL;
            v_text := btrim(substring(v_text FROM 2 FOR octet_length(v_text) - 2), '\x20090d0a'::bytea);
            v_values := ARRAY['['::bytea || CASE WHEN v_text = '' THEN v_text ELSE v_text || ','::bytea END
                || p_values[2] || ']'::bytea];
        ELSE
            NULL;
    END CASE;

    -- Is there room?
    v_before := CASE WHEN v_is_new THEN 0 ELSE v_former.size END;
    v_session.size := v_before;
    IF p_op = 'clear' THEN
        v_session.size := 0;
    ELSIF v_writes THEN
        SELECT coalesce(sum(octet_length(coalesce(u.full_name, u.name)) + octet_length(u.value)), 0),
            min(u.at) FILTER (WHERE octet_length(u.value) > p_value_bytes)
            INTO v_bytes, v_too_large
            FROM unnest(p_names, p_full_names, v_values) WITH ORDINALITY AS u(name, full_name, value, at)
            WHERE u.value IS NOT NULL;
        IF v_too_large IS NOT NULL THEN
            o.code := 'value too large';
            o.names := ARRAY[coalesce(p_full_names[v_too_large], p_names[v_too_large])];
            o.size := octet_length(v_values[v_too_large]);
            RETURN o;
        END IF;
        v_session.size := v_before + v_bytes;
        IF NOT v_is_new THEN
            SELECT coalesce(sum(octet_length(coalesce(v.full_name, v.name)) + octet_length(v.value)), 0) INTO v_bytes
                FROM {schema}.session_values AS v WHERE v.session = v_former.no AND v.name = ANY (p_names);
            v_session.size := v_session.size - v_bytes;
        END IF;
        IF v_session.size > p_session_bytes AND v_session.size > v_before THEN
            o.code := 'session too large';
            o.size := v_session.size;
            RETURN o;
        END IF;
    END IF;

    -- Begin it, unless that is not for this operation, or slide it; and its parent.
    IF v_is_new AND o.code IS NULL AND p_op NOT IN ('remove', 'clear', 'use') THEN
        o.began := true;
        IF NOT v_is_child THEN
            o.code := {schema}.no_room(p_owner, p_owner_sessions, p_all_sessions);
            IF o.code IS NOT NULL THEN
                RETURN o;
            END IF;
        END IF;
        v_session.max_at := v_now + p_max;
        v_session.expires := least(v_now + p_idle * {generous}, v_session.max_at);
        IF v_former.no IS NULL THEN
            INSERT INTO {schema}.sessions (
                space, id, schema, full_id, full_schema, owner, version, digest, since, created, expires, idle, max_at, due,
                size
            ) VALUES (
                p_space, p_id, p_schema, p_full_id, p_full_schema, p_owner, p_version, p_digest, p_since, v_now,
                v_session.expires, p_idle, v_session.max_at, v_session.expires, v_session.size
            ) ON CONFLICT (space, id, schema) DO NOTHING RETURNING * INTO v_session;
            IF NOT FOUND THEN
                o.code := 'again';  -- another one has just begun there
                RETURN o;
            END IF;
        ELSE
            PERFORM {schema}.emptied(v_former);  -- of what is over, nothing may shine through
            UPDATE {schema}.sessions SET
                owner = p_owner, version = p_version, digest = p_digest, since = p_since, created = v_now,
                expires = v_session.expires, idle = p_idle, max_at = v_session.max_at, due = v_session.expires, state = 0,
                size = v_session.size
                WHERE no = v_former.no RETURNING * INTO v_session;
        END IF;
        IF NOT v_is_child AND v_former.state IS DISTINCT FROM 0 THEN
            PERFORM {schema}.count_live(1);
        END IF;
    ELSIF NOT v_is_new THEN
        v_session.expires := {schema}.slid(v_former.expires, v_former.idle, v_former.max_at, v_now);
        IF p_relive AND (v_former.idle, v_former.max_at) IS DISTINCT FROM (p_idle, v_former.created + p_max) THEN
            v_session.idle := p_idle;
            v_session.max_at := v_former.created + p_max;
            v_session.expires := least(v_now + p_idle * {generous}, v_session.max_at);
        END IF;
        IF (v_session.expires, v_session.idle, v_session.max_at, v_session.size)
            IS DISTINCT FROM (v_former.expires, v_former.idle, v_former.max_at, v_former.size) THEN
            UPDATE {schema}.sessions SET expires = v_session.expires, idle = v_session.idle, max_at = v_session.max_at,
                size = v_session.size, due = least(due, v_session.expires) WHERE no = v_former.no;
        END IF;
    END IF;
    IF v_is_child AND {schema}.slid(v_parent.expires, v_parent.idle, v_parent.max_at, v_now) <> v_parent.expires THEN
        UPDATE {schema}.sessions SET expires = {schema}.slid(expires, idle, max_at, v_now) WHERE no = v_parent.no;
    END IF;

    -- The values.
    IF p_op = 'clear' AND NOT v_is_new THEN
        DELETE FROM {schema}.session_values WHERE session_values.session = v_former.no;
    ELSIF v_writes AND (o.began OR NOT v_is_new) THEN
        IF NOT v_is_new AND array_position(v_values, NULL) IS NOT NULL THEN
            DELETE FROM {schema}.session_values AS v
                USING unnest(p_names, v_values) AS u(name, value)
                WHERE v.session = v_former.no AND v.name = u.name AND u.value IS NULL;
        END IF;
        INSERT INTO {schema}.session_values (session, name, full_name, value, until)
            SELECT v_session.no, u.name, u.full_name, u.value, v_now + u.ttl
            FROM unnest(p_names, p_full_names, v_values, p_ttls) AS u(name, full_name, value, ttl)
            WHERE u.value IS NOT NULL
            ON CONFLICT (session, name) DO UPDATE SET value = excluded.value, until = excluded.until;
    END IF;
    IF o.began OR NOT v_is_new THEN
        o.created := v_session.created;
        o.expires := v_session.expires;
        o.version := v_session.version;
        o.digest := v_session.digest;
        o.size := v_session.size;
        o.since := v_session.since;
        o.idle := v_session.idle;
        o.max_at := v_session.max_at;
    END IF;
    RETURN o;
END
$$;
