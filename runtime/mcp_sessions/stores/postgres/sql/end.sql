-- Tell of a session that is over, and of its children that were not over yet, and remove their values; they are locked.
CREATE FUNCTION {schema}.bury(
    p_session {schema}.sessions, p_reason text, p_values boolean, p_now double precision
) RETURNS SETOF {schema}.remains LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
        SELECT s.space, coalesce(s.full_id, s.id), coalesce(s.full_schema, s.schema), s.owner,
            CASE WHEN p_now < s.expires THEN p_reason ELSE 'expired' END, v.names, v.held, s.version, s.since
        FROM {schema}.sessions AS s
        LEFT JOIN LATERAL (
            SELECT array_agg(coalesce(full_name, name)) AS names, array_agg(value) AS held
            FROM {schema}.session_values
            WHERE p_values AND session = s.no AND (until IS NULL OR until > least(p_now, s.expires))
        ) AS v ON true
        WHERE s.space = p_session.space AND s.id = p_session.id AND s.state = 0
            AND (s.no = p_session.no OR (p_session.space = 'transport' AND p_session.schema = ''))
        ORDER BY s.schema;
    PERFORM {schema}.emptied(p_session);
END
$$;

-- End a live session, or instead (p_expired) one that has expired.
CREATE FUNCTION {schema}.end_session(
    p_clock double precision, p_space text, p_id bytea, p_schema bytea, p_owner bytea, p_values boolean,
    p_expired boolean
) RETURNS SETOF {schema}.remains LANGUAGE plpgsql AS $$
DECLARE
    v_parent {schema}.sessions;
    v_session {schema}.sessions;
    v_now double precision;
    v_is_child constant boolean := p_space = 'transport' AND p_schema <> '';
BEGIN
    IF v_is_child THEN
        SELECT * INTO v_parent FROM {schema}.sessions WHERE space = p_space AND id = p_id AND schema = '' FOR NO KEY UPDATE;
    END IF;
    SELECT * INTO v_session FROM {schema}.sessions WHERE space = p_space AND id = p_id AND schema = p_schema FOR UPDATE;
    v_now := {schema}.now_or(p_clock);
    IF {schema}.refusal(v_session.state, v_session.expires, v_session.owner, p_owner, v_now)
        IS DISTINCT FROM (CASE WHEN p_expired THEN 'expired' END) OR (v_is_child
        AND {schema}.refusal(v_parent.state, v_parent.expires, v_parent.owner, p_owner, v_now) IS NOT NULL) THEN
        RETURN;
    END IF;
    IF v_is_child THEN
        UPDATE {schema}.sessions SET expires = {schema}.slid(expires, idle, max_at, v_now) WHERE no = v_parent.no;
    END IF;
    RETURN QUERY SELECT * FROM {schema}.bury(v_session, CASE WHEN p_expired THEN 'expired' ELSE 'ended' END, p_values, v_now);
    UPDATE {schema}.sessions SET state = 2, expires = v_now, due = v_now + {tombstone}, size = 0 WHERE no = v_session.no;
    IF NOT v_is_child AND v_session.state = 0 THEN
        PERFORM {schema}.count_live(-1);
    END IF;
END
$$;

-- Lock a session, and before it its parent, unless somebody else is at it: then there is none.
CREATE FUNCTION {schema}.seized(p_no bigint) RETURNS {schema}.sessions LANGUAGE plpgsql AS $$
DECLARE
    v_seen {schema}.sessions;
    v_session {schema}.sessions;
BEGIN
    SELECT * INTO v_seen FROM {schema}.sessions WHERE no = p_no;
    IF v_seen.space = 'transport' AND v_seen.schema <> '' THEN
        PERFORM 1 FROM {schema}.sessions WHERE space = 'transport' AND id = v_seen.id AND schema = ''
            FOR NO KEY UPDATE SKIP LOCKED;
        IF NOT FOUND AND EXISTS (
            SELECT 1 FROM {schema}.sessions WHERE space = 'transport' AND id = v_seen.id AND schema = '') THEN
            RETURN NULL;
        END IF;
    END IF;
    SELECT * INTO v_session FROM {schema}.sessions WHERE no = p_no FOR UPDATE SKIP LOCKED;
    RETURN v_session;
END
$$;

-- Remove up to so many sessions and values whose time was over p_grace seconds ago. A last row, with the reason "more",
-- says that there may be more of them.
CREATE FUNCTION {schema}.purge(
    p_clock double precision, p_grace double precision, p_limit bigint, p_values boolean
) RETURNS SETOF {schema}.remains LANGUAGE plpgsql AS $$
DECLARE
    v_candidate record;
    v_session {schema}.sessions;
    v_now constant double precision := {schema}.now_or(p_clock) - p_grace;
    v_looked_at bigint := 0;
    v_removed bigint := 0;
    v_live bigint := 0;
    v_bytes bigint;
    v_more {schema}.remains;
BEGIN
    FOR v_candidate IN SELECT no FROM {schema}.sessions WHERE due <= v_now ORDER BY due LOOP
        EXIT WHEN v_removed >= p_limit OR v_looked_at >= 1000 + 10 * p_limit;
        v_looked_at := v_looked_at + 1;
        v_session := {schema}.seized(v_candidate.no);
        IF v_session.no IS NULL OR v_session.due > v_now THEN
            CONTINUE;
        END IF;
        IF {schema}.due(v_session.state, v_session.expires) > v_now THEN
            UPDATE {schema}.sessions SET due = {schema}.due(state, expires) WHERE no = v_session.no;
            CONTINUE;
        END IF;
        v_removed := v_removed + 1;
        IF v_session.state = 0 THEN
            RETURN QUERY SELECT * FROM {schema}.bury(v_session, 'expired', p_values, v_now);
            v_live := v_live - (v_session.space <> 'transport' OR v_session.schema = '')::integer;
        END IF;
        IF v_now < v_session.expires + {tombstone} THEN
            UPDATE {schema}.sessions SET state = 1, size = 0, due = expires + {tombstone} WHERE no = v_session.no;
        ELSE
            DELETE FROM {schema}.sessions WHERE no = v_session.no;
        END IF;
    END LOOP;
    FOR v_candidate IN SELECT v.session AS no, v.name FROM {schema}.session_values AS v WHERE v.until <= v_now LOOP
        EXIT WHEN v_removed >= p_limit OR v_looked_at >= 1000 + 10 * p_limit;
        v_looked_at := v_looked_at + 1;
        v_session := {schema}.seized(v_candidate.no);
        IF v_session.no IS NULL THEN
            CONTINUE;
        END IF;
        DELETE FROM {schema}.session_values AS v
            WHERE v.session = v_candidate.no AND v.name = v_candidate.name AND v.until <= v_now
            RETURNING octet_length(coalesce(v.full_name, v.name)) + octet_length(v.value) INTO v_bytes;
        IF FOUND THEN
            UPDATE {schema}.sessions SET size = size - v_bytes WHERE no = v_candidate.no;
            v_removed := v_removed + 1;
        END IF;
    END LOOP;
    PERFORM {schema}.count_live(v_live);
    IF v_removed >= p_limit OR v_looked_at >= 1000 + 10 * p_limit THEN
        v_more.reason := 'more';
        RETURN NEXT v_more;
    END IF;
END
$$;
