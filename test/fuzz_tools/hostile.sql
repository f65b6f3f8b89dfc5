-- What conditions may find beside core's types, operators and functions: all of it belongs to the role fuzz, who is no
-- superuser. Every one of them does something in the middle of a condition.
CREATE SCHEMA hostile;
GRANT USAGE ON SCHEMA hostile TO PUBLIC;

\set schema hostile
\ir ../hostile/switch.sql
CREATE FUNCTION hostile.be_other(text) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.set_config('role', $1, false);
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN false;
END
$$;
CREATE FUNCTION hostile.nested(integer) RETURNS bigint STABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN sessionctl.safe_count('hostile.switch(pid) and pid > $1::int', ARRAY[$1::text]);
END
$$;
CREATE FUNCTION hostile.nested_end(integer) RETURNS bigint STABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN sessionctl.terminate_where('application_name = ''nobody'' and hostile.switch(pid)');
EXCEPTION WHEN OTHERS THEN
    RETURN 0;
END
$$;
CREATE FUNCTION hostile.raise(text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', $1; END $$;
CREATE FUNCTION hostile.swallow(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN 1 / ($1 - $1);
EXCEPTION WHEN division_by_zero THEN
    RETURN $1;
END
$$;
CREATE FUNCTION hostile.meddle(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
BEGIN
    CASE $1 % 6
        WHEN 0 THEN DISCARD PLANS;
        WHEN 1 THEN CREATE TEMP TABLE made ON COMMIT DROP AS SELECT 1 AS a;
        WHEN 2 THEN EXECUTE 'DECLARE held CURSOR WITH HOLD FOR SELECT * FROM sessionctl.session_activity';
        WHEN 3 THEN PERFORM lo_create(0);
        WHEN 4 THEN SET LOCAL transaction_read_only = off; INSERT INTO hostile.held VALUES ($1);
        ELSE PERFORM pg_advisory_unlock_all();
    END CASE;
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN true;
END
$$;
CREATE FUNCTION hostile.rows(integer) RETURNS SETOF integer STABLE LANGUAGE sql AS 'SELECT generate_series(1, $1 % 4)';
CREATE FUNCTION hostile.uncertain(integer) RETURNS boolean VOLATILE LANGUAGE sql AS 'SELECT random() > 0.5';

CREATE DOMAIN hostile.switching AS text CHECK (hostile.switch(value));
CREATE DOMAIN hostile.other AS text CHECK (hostile.be_other(value));
CREATE DOMAIN hostile.picky AS integer CHECK (hostile.nested(value) > 0);
CREATE DOMAIN hostile.never AS integer NOT NULL CHECK (value > 5);
CREATE DOMAIN hostile.many AS hostile.switching[];
CREATE TYPE hostile.pair AS (a hostile.switching, b integer);
CREATE TYPE hostile.pairs AS (x hostile.pair, y hostile.pair[]);
CREATE TYPE hostile.stretch AS RANGE (subtype = hostile.switching);
CREATE TYPE hostile.kind AS ENUM ('a', 'b');
CREATE TABLE hostile.held (a integer);

CREATE FUNCTION hostile.same(text, text) RETURNS boolean STABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.switch(1); RETURN $1 = $2; END $$;
CREATE FUNCTION hostile.differ(text, text) RETURNS boolean STABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.be_other($1); RETURN $1 <> $2; END $$;
CREATE OPERATOR hostile.=== (PROCEDURE = hostile.same, LEFTARG = text, RIGHTARG = text, COMMUTATOR = OPERATOR(hostile.===), NEGATOR = OPERATOR(hostile.!==));
CREATE OPERATOR hostile.!== (PROCEDURE = hostile.differ, LEFTARG = text, RIGHTARG = text, NEGATOR = OPERATOR(hostile.===));
CREATE OPERATOR hostile.@@@ (PROCEDURE = hostile.meddle, RIGHTARG = integer);
CREATE FUNCTION hostile.to_pair(text) RETURNS hostile.pair STABLE LANGUAGE sql AS 'SELECT row($1, 1)::hostile.pair';
CREATE CAST (text AS hostile.pair) WITH FUNCTION hostile.to_pair(text) AS IMPLICIT;
CREATE COLLATION hostile.ours FROM "C";
