-- Volatile functions that a condition does not call by name: through an aggregate, through a domain.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_sessionctl;

CREATE FUNCTION public.counted(state integer, next integer) RETURNS integer VOLATILE LANGUAGE sql
    AS 'SELECT $1 + 1';
CREATE AGGREGATE public.busy(integer) (SFUNC = public.counted, STYPE = integer, INITCOND = 0);
CREATE AGGREGATE public.calm(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = 0);
SELECT sessionctl.safe_count('pid < (SELECT public.busy(c.oid::integer) FROM pg_class AS c WHERE c.oid < 1300)');
SELECT sessionctl.safe_count('pid < (SELECT public.calm(1) FROM pg_class AS c WHERE c.oid < 1)');

CREATE FUNCTION public.peek(text) RETURNS boolean VOLATILE LANGUAGE sql AS 'SELECT true';
CREATE DOMAIN public.nosy AS text CHECK (public.peek(value));
SELECT sessionctl.safe_count('usename::public.nosy = $$nobody$$');

DROP AGGREGATE public.busy(integer);
DROP AGGREGATE public.calm(integer);
DROP FUNCTION public.counted(integer, integer);
DROP DOMAIN public.nosy;
DROP FUNCTION public.peek(text);
