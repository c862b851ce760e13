-- From format 1: what is told of a session has its lifetime too.
ALTER TYPE {schema}.outcome ADD ATTRIBUTE idle double precision, ADD ATTRIBUTE max_at double precision;
ALTER TYPE {schema}.listed ADD ATTRIBUTE idle double precision, ADD ATTRIBUTE max_at double precision;
