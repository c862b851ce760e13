-- The values of some keys, or of all; without the values themselves, if only names are wanted. Most reads change nothing:
-- then all comes from one snapshot and nobody is locked out. If an expiry has to move, that is done first.
CREATE OR REPLACE FUNCTION {schema}.read(
    p_clock double precision, p_space text, p_id bytea, p_schema bytea, p_owner bytea, p_begin boolean,
    p_version bigint, p_reads bigint, p_names bytea[], p_only_names boolean
) RETURNS {schema}.outcome LANGUAGE plpgsql AS $$
DECLARE
    o {schema}.outcome;
    r record;
    v_now constant double precision := {schema}.now_or(p_clock);
    v_is_child constant boolean := p_space = 'transport' AND p_schema <> '';
    v_due boolean;
BEGIN
    LOOP
        IF p_names IS NULL THEN
            SELECT s.no, s.state, s.expires, s.idle, s.max_at, s.owner, s.version, s.since, v.names, v.held,
                p.state AS p_state, p.expires AS p_expires, p.idle AS p_idle, p.max_at AS p_max_at, p.owner AS p_owner
            INTO r FROM (SELECT 1) AS one
            LEFT JOIN {schema}.sessions AS s ON s.space = p_space AND s.id = p_id AND s.schema = p_schema
            LEFT JOIN {schema}.sessions AS p ON v_is_child AND p.space = p_space AND p.id = p_id AND p.schema = ''
            LEFT JOIN LATERAL (
                SELECT array_agg(coalesce(full_name, name)) AS names,
                    array_agg(CASE WHEN p_only_names THEN NULL ELSE value END) AS held
                FROM {schema}.session_values WHERE session = s.no AND (until IS NULL OR until > v_now)
            ) AS v ON true;
        ELSE
            SELECT s.no, s.state, s.expires, s.idle, s.max_at, s.owner, s.version, s.since, v.names, v.held,
                p.state AS p_state, p.expires AS p_expires, p.idle AS p_idle, p.max_at AS p_max_at, p.owner AS p_owner
            INTO r FROM (SELECT 1) AS one
            LEFT JOIN {schema}.sessions AS s ON s.space = p_space AND s.id = p_id AND s.schema = p_schema
            LEFT JOIN {schema}.sessions AS p ON v_is_child AND p.space = p_space AND p.id = p_id AND p.schema = ''
            LEFT JOIN LATERAL (
                SELECT array_agg(coalesce(full_name, name)) AS names, array_agg(value) AS held
                FROM {schema}.session_values
                WHERE session = s.no AND (until IS NULL OR until > v_now) AND name = ANY (p_names)
            ) AS v ON true;
        END IF;
        v_due := false;
        IF v_is_child THEN
            o.code := {schema}.refusal(r.p_state, r.p_expires, r.p_owner, p_owner, v_now);
            IF o.code IS NOT NULL THEN
                RETURN o;
            END IF;
            v_due := {schema}.slid(r.p_expires, r.p_idle, r.p_max_at, v_now) <> r.p_expires;
        END IF;
        o.code := {schema}.refusal(r.state, r.expires, r.owner, p_owner, v_now);
        IF o.code IS NULL THEN
            IF {schema}.are_apart(r.version, r.since, p_version, p_reads) THEN
                o.code := 'other version';
                o.version := r.version;
                RETURN o;
            END IF;
            o.began := false;
            o.names := r.names;
            o.held := r.held;
            v_due := v_due OR {schema}.slid(r.expires, r.idle, r.max_at, v_now) <> r.expires;
        ELSIF p_begin AND (p_space <> 'transport' OR v_is_child) AND (
            r.no IS NULL OR v_now >= r.expires + {tombstone} OR o.code = 'ended') THEN
            o.code := NULL;
        ELSE
            RETURN o;
        END IF;
        IF NOT v_due THEN
            RETURN o;
        END IF;
        o := {schema}.change('use', p_clock, p_space, p_id, p_schema, p_owner, p_begin, NULL, NULL, p_version, NULL, NULL,
            p_reads, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
        IF o.code IS NOT NULL THEN
            RETURN o;
        END IF;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION {schema}.scan(
    p_clock double precision, p_schema bytea, p_owner bytea, p_limit bigint,
    p_after_space text, p_after_id bytea, p_after_schema bytea
) RETURNS SETOF {schema}.listed LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_now constant double precision := {schema}.now_or(p_clock);
BEGIN
    IF p_owner IS NULL THEN
        RETURN QUERY
            SELECT s.space, coalesce(s.full_id, s.id), coalesce(s.full_schema, s.schema), s.owner, s.created, s.expires,
                s.version, s.digest, s.size, s.since, s.idle, s.max_at
            FROM {schema}.sessions AS s
            WHERE (s.space, s.id, s.schema) > (p_after_space COLLATE "C", p_after_id, p_after_schema)
                AND s.state = 0 AND s.expires > v_now AND (p_schema IS NULL OR s.schema = p_schema)
            ORDER BY s.space, s.id, s.schema LIMIT p_limit;
    ELSE
        RETURN QUERY
            SELECT s.space, coalesce(s.full_id, s.id), coalesce(s.full_schema, s.schema), s.owner, s.created, s.expires,
                s.version, s.digest, s.size, s.since, s.idle, s.max_at
            FROM {schema}.sessions AS s
            WHERE substring(s.owner FOR 200) = substring(p_owner FOR 200) AND s.owner = p_owner
                AND (s.space, s.id, s.schema) > (p_after_space COLLATE "C", p_after_id, p_after_schema)
                AND s.state = 0 AND s.expires > v_now AND (p_schema IS NULL OR s.schema = p_schema)
            ORDER BY s.space, s.id, s.schema LIMIT p_limit;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION {schema}.look_up(p_clock double precision, p_space text, p_id bytea, p_schema bytea)
RETURNS SETOF {schema}.listed LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_now constant double precision := {schema}.now_or(p_clock);
BEGIN
    RETURN QUERY
        SELECT s.space, coalesce(s.full_id, s.id), coalesce(s.full_schema, s.schema), s.owner, s.created, s.expires,
            s.version, s.digest, s.size, s.since, s.idle, s.max_at
        FROM {schema}.sessions AS s
        WHERE s.space = p_space AND s.id = p_id AND s.schema = p_schema AND s.state = 0 AND s.expires > v_now
            AND (p_space <> 'transport' OR p_schema = '' OR EXISTS (
                SELECT 1 FROM {schema}.sessions AS p WHERE p.space = p_space AND p.id = p_id AND p.schema = ''
                    AND p.state = 0 AND p.expires > v_now));
END
$$;
