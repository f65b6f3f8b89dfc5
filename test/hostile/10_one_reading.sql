A condition is read once: nothing that runs while it is parsed, analysed or executed can turn it into another statement.

-- 1. A literal switches the lexer's setting off: a smuggled row
SET hostile.name = 'standard_conforming_strings'; SET hostile.value = 'off';
SELECT sessionctl.safe_count($$ '{a}'::pg_temp.switching[] is not null and not s.usename = '\' || ') union select 99999, null -- ' $$);

-- 2. The same with more rows than there are sessions
CREATE TYPE pg_temp.one AS (a pg_temp.switching);
SET hostile.name = 'standard_conforming_strings'; SET hostile.value = 'off';
SELECT judge.honest($$ '(a)'::pg_temp.one is not null and not s.usename = '\' || ') union all select s.pid, null from sessionctl.session_activity as s, (values (1),(2)) as v where (true) -- ' $$);
-- want: ok

-- 3. The same, and the reverse, through a row, a range, a domain of a domain, a row of arrays
CREATE TYPE pg_temp.one AS (a pg_temp.switching);
CREATE TYPE pg_temp.stretch AS RANGE (subtype = pg_temp.switching);
CREATE DOMAIN pg_temp.twice AS pg_temp.switching;
CREATE TYPE pg_temp.many AS (a pg_temp.one[]);
SET hostile.name = 'standard_conforming_strings';
CREATE FUNCTION pg_temp.tried(literal text, before text, during text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
    smuggled text := ' is not null and not s.usename = ''\'' || '') union all select s.pid, null from sessionctl.session_activity as s, (values (1),(2)) as v where (true) -- '' ';
BEGIN
    PERFORM set_config('standard_conforming_strings', before, false), set_config('hostile.value', during, false);
    RETURN judge.honest(literal || smuggled);
END
$f$;
SELECT pg_temp.tried(literal, a.value, b.value)
FROM (VALUES ('''(a)''::pg_temp.one'), ('''[a,b]''::pg_temp.stretch'), ('''a''::pg_temp.twice'), ('''("{(a)}")''::pg_temp.many'),
      ('row(''a'')::pg_temp.one'), ('array[''a'']::pg_temp.switching[]'), ('cast(''{{a,b}}'' as pg_temp.twice[])')) AS v (literal),
     (VALUES ('on'), ('off')) AS a (value), (VALUES ('on'), ('off')) AS b (value);
-- never: smuggled
-- want: ok

-- 4. Through a multirange, and a domain of an array
-- since: 140000
SET hostile.name = 'standard_conforming_strings'; SET hostile.value = 'off';
CREATE TYPE pg_temp.stretch AS RANGE (subtype = pg_temp.switching, multirange_type_name = pg_temp.stretches);
CREATE DOMAIN pg_temp.array_of AS pg_temp.switching[];
SELECT judge.honest($$ '{[a,b]}'::pg_temp.stretches is not null and not s.usename = '\' || ') union all select s.pid, null from sessionctl.session_activity as s, (values (1),(2)) as v where (true) -- ' $$);
RESET standard_conforming_strings;
SELECT judge.honest($$ '{a}'::pg_temp.array_of is not null and not s.usename = '\' || ') union all select s.pid, null from sessionctl.session_activity as s, (values (1),(2)) as v where (true) -- ' $$);
-- want: ok.*(ok|refused: 0A000)

-- 5. Strings of all kinds around a quote and a backslash, before and while the setting changes
SET hostile.name = 'standard_conforming_strings';
CREATE FUNCTION pg_temp.tried(tail text, before text, during text, quoting text) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM set_config('standard_conforming_strings', before, false), set_config('hostile.value', during, false),
            set_config('backslash_quote', quoting, false);
    RETURN judge.honest('''{a}''::pg_temp.switching[] is not null and pid > 0 and ' || tail);
END
$f$;
SELECT pg_temp.tried(v.tail, a.value, b.value, c.value)
FROM (VALUES ($c$usename <> '\' or true or '\' = '$c$), ($c$usename <> E'\' or true or \'' $c$), ($c$usename <> U&'\0061' or U&'\' = 'x'$c$),
      ($c$usename <> '\' --' $c$), ($c$usename <> '\' /*' or '*/' = '' $c$), ($c$usename <> '\'; select 1 --'$c$),
      ($c$usename <> '\$q$' or usename <> $q$\'$q$ $c$), ($c$usename <> 'a' 'b'$c$), ($c$usename <> 'a'
      '\' or usename <> ' or true'$c$), ($c$usename <> n'\' or '' = ''$c$), ($c$usename <> b'\'$c$), ($c$"s"."pid" > 0 or usename = '\"'$c$)) AS v (tail),
     (VALUES ('on'), ('off')) AS a (value), (VALUES ('on'), ('off')) AS b (value), (VALUES ('on'), ('off'), ('safe_encoding')) AS c (value);

-- 6. What is no expression, or more than one
CREATE FUNCTION pg_temp.tried(condition text) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM sessionctl.safe_count(condition);
    RETURN 'taken: ' || condition;
EXCEPTION WHEN OTHERS THEN RETURN 'refused: ' || SQLSTATE;
END
$f$;
SELECT pg_temp.tried(v.condition) FROM (VALUES ('*'), ('s.*'), ('session_activity.*'), ('(s).*'), ('(s.*)'), ('count(*) > 0'), ('all'), ('default'),
    ('distinct pid > 0'), ('distinct on (pid) true'), ('pid > 0 as x'), ('pid > 0 x'), ('pid > 0, true'), ('pid > 0 from pg_class'), ('pid > 0 from pg_class s'),
    ('pid > 0 where true'), ('pid > 0 group by 1'), ('pid > 0 having true'), ('pid > 0 window w as ()'), ('pid > 0 order by 1'), ('pid > 0 limit 1'),
    ('pid > 0 offset 1'), ('pid > 0 fetch first row only'), ('pid > 0 for update'), ('pid > 0 into x'), ('true into temp x'), ('pid > 0 union select true'), ('pid > 0 intersect select true'),
    ('pid > 0 except select false'), ('true; select 1'), ('true; drop table vault.secret'), (';'), (')'), ('('), (') or ('), ('true) or (true'), ('true) union select 1, null --'),
    ('true) --'), ('true /*'), ('/*'), ('$'), ('$1'), ('$0'), ('$99999999999'), ('?'), ('\'), ('select true'), ('with x as (select 1) select true'),
    ('values (true)'), ('table pg_class'), ('begin'), ('copy x to program ''x'''), ('rank() over () > 0'), ('rank() over (order by pid) > 0'), ('sum(pid) > 0'),
    ('generate_series(1,3) > 0'), ('unnest(array[true,true])'), ('grouping(pid) > 0'), ('current of c'), ('pid := 1'), ('pid => 1'), ('null'), ('a.b.c.d.e.f'), ('s'), (''), (' '), ('--'), ('safe_count(''true'') = 1'),
    ('merge_action() = ''x'''), ('xmlparse(document pid)'), ('setval(1,1)'), ('old.pid = 1'), ('excluded.pid = 1'), ('tableoid = 1'), ('s.ctid = ''(0,1)'''), ('s.xmin = ''1''')) AS v (condition);
-- never: taken

-- 7. Rare expressions that are one
SELECT judge.honest(v.condition) FROM (VALUES ('pid > 0 and (select true union all select true)'), ('pid > 0 and (select * from pg_class)'), ('exists (select s.*)'), ('(pid, usename) = (select 1, ''x''::name)'),
    ('s is null'), ('not s is null'), ('row(s.*) is null'), ('interval ''1'' second(99) > idle_for'), ('json_exists(''{}'', ''$'') and pid > 0'), ('collation for (usename) = ''x'''), ('(s).pid = 1'), ('s::text = ''x'''),
    ('s = s'), ('s.*::text = ''x'''), ('$1 is null or pid > 0'), ('pid > 0 and xmlexists(''//a'' passing ''<a/>'')'), ('pid between symmetric 9 and 1'), ('(pid, pid) overlaps (pid, pid)'), ('usename similar to ''a'' escape '''''),
    ('usename like ''a'' escape ''ab'''), ('backend_start at time zone ''nowhere'' is null'), ('extract(nothing from backend_start) = 1'), ('usename is normalized'), ('pid is json'), ('array[[pid],[1]] = any (array[1])'), ('(array[pid])[null] = 1'), ('(array[pid])[1:2] = array[1]'),
    ('pid is not distinct from null'), ('grouping sets'), ('greatest(pid, null) > least()'), ('row() is null and pid > 0'), ('row(pid) < row(1)'), ('row(pid, 1) is distinct from row(1)'), ('nullif(pid, usename) is null'), ('coalesce(pid)'), ('current_catalog = usename'), ('user is document'), ('pid isnull'), ('usename[1] = ''a''')) AS v (condition);

-- 8. Deep nesting and long texts meet a limit and not the end of the stack
SELECT judge.honest(repeat('(', 100000) || 'pid > 0' || repeat(')', 100000)) ~ 'refused: (54001|42601|53200|42P17)';
SELECT judge.honest(repeat('not ', 100000) || 'pid > 0') ~ 'refused: (54001|42601|53200)|ok';
SELECT judge.honest('pid > 0' || repeat(' and pid > 0', 5000)) ~ 'refused: (54001|53200|42601)|ok';
SELECT judge.honest('pid = 0' || repeat('+ 1', 20000)) ~ 'refused: (54001|53200|42601)|ok';
SELECT judge.honest(repeat('case when true then ', 5000) || 'pid > 0' || repeat(' end', 5000)) ~ 'refused: (54001|53200|42601)|ok';
SELECT judge.honest('pid in (0' || repeat(',1', 50000) || ')') ~ 'refused: (54001|53200|42601)|ok';
SELECT judge.honest('(pid' || repeat('::int', 10000) || ') > 0') ~ 'refused: (54001|53200|42601)|ok';
SELECT judge.honest('(array[pid])' || repeat('[1:1]', 20) || ' is null') ~ 'refused|ok';
SET max_stack_depth = '100kB';
SELECT judge.honest('pid = 0' || repeat('+ 1', 2000)) ~ 'refused: (54001|53200|42601)|ok';
SELECT judge.honest(repeat('(select ', 200) || 'pid > 0' || repeat(')', 200)) ~ 'refused|ok';
-- want: t
-- never: (^|[^a-z])f([^a-z]|$)

-- 9. The first reading says false, the next one true: a function that remembers
CREATE TEMP SEQUENCE readings;
CREATE FUNCTION pg_temp.again(text) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM set_config('hostile.count', (coalesce(nullif(current_setting('hostile.count'), ''), '0')::integer + 1)::text, false);
    RETURN true;
END
$f$;
SET hostile.count = '';
CREATE DOMAIN pg_temp.counted AS text CHECK (pg_temp.again(value));
SELECT sessionctl.safe_count($$'{a}'::pg_temp.counted[] is not null and usename = 'app'$$);
-- Once for each analysis, and once for the planner, which folds constants.
SELECT 'analysed ' || coalesce(nullif(current_setting('hostile.count'), ''), '0');
-- never: analysed ([3-9]|1[0-9])

-- 10. A type goes, or is another one, between reading and running
CREATE TYPE pg_temp.kind AS ENUM ('a', 'b');
CREATE FUNCTION pg_temp.away(text) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    SET transaction_read_only = off;
    DROP TYPE pg_temp.kind CASCADE;
    CREATE TYPE pg_temp.kind AS (a integer, b text);
    RETURN true;
EXCEPTION WHEN OTHERS THEN RETURN true;
END
$f$;
CREATE DOMAIN pg_temp.going AS text CHECK (pg_temp.away(value));
SELECT judge.honest($$'a'::pg_temp.kind is not null and '{a}'::pg_temp.going[] is not null and 'b'::pg_temp.kind = 'b' and pid > 0$$);
SELECT sessionctl.safe_count($$'{a}'::pg_temp.going[] is not null and 'b'::pg_temp.kind::text = 'b' and pid > 0$$);

-- 11. Its own function is replaced while the condition that calls it runs
CREATE FUNCTION pg_temp.changing(integer) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT $1 > 0';
CREATE FUNCTION pg_temp.change(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    EXECUTE 'CREATE OR REPLACE FUNCTION pg_temp.changing(integer) RETURNS boolean VOLATILE LANGUAGE sql AS ''SELECT pg_temp.strike()''';
    RETURN true;
EXCEPTION WHEN OTHERS THEN RETURN true;
END
$f$;
SELECT judge.honest('pg_temp.change(pid) and pg_temp.changing(pid)');
SELECT sessionctl.safe_count('pg_temp.change(pid) and pg_temp.changing(pid)');

-- 12. The view, the schema and core's names under other names
CREATE TEMP VIEW session_activity AS SELECT 99999 AS pid, 'x'::text AS usename;
CREATE TEMP TABLE pg_stat_activity (pid integer);
CREATE FUNCTION pg_temp.safe_count(text) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
SET search_path = pg_temp, sessionctl, pg_catalog;
SELECT judge.agrees($$usename = 'app'$$, 'true');
SELECT judge.agrees($$pid in (select pid from pg_stat_activity)$$, 'true');
SELECT judge.agrees($$exists (select 1 from session_activity as a where a.pid = s.pid)$$, 'true');
SELECT judge.honest($$s.pid in (select pid from session_activity)$$);
-- want: ok

-- 13. Parameters that the reader obeys, as the caller has set them
CREATE FUNCTION pg_temp.tried(condition text) RETURNS text LANGUAGE sql AS $f$ SELECT judge.honest($1) $f$;
SET transform_null_equals = on;
SELECT judge.agrees('usename = null or usename = $$app$$', 'usename = $$app$$'), judge.honest('usename = null and pid > 0');
SET array_nulls = off;
SELECT judge.honest('usename = any (''{NULL,app}'')'), judge.honest('pid = any (''{NULL,1}'')');
SET xmloption = document;
SELECT judge.honest('''<a/>b''::xml is not null and pid > 0');
SET backslash_quote = off; SET standard_conforming_strings = off; SET escape_string_warning = on;
SELECT judge.agrees($$usename = 'app' and application_name <> '\x'$$, $$true$$);
SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET TimeZone = 'Pacific/Kiritimati'; SET bytea_output = 'escape';
SELECT judge.agrees($$usename = 'app' and timestamptz '2999-01-02' > now() and interval '-1 1:00:00' < interval '2 d'$$, 'true');
SET extra_float_digits = -15; SET default_text_search_config = 'pg_catalog.simple';
SELECT judge.honest('pid::float8 > 0.1');
SET lc_messages = 'C'; SET lc_time = 'C'; SET lc_numeric = 'C'; SET lc_monetary = 'C';
SELECT judge.honest('to_char(backend_start, ''TMDay'') <> ''x''');
-- want: ok
-- never: refused: 42601

-- 14. Every parameter that this role may set, to its ends, before the call and in the middle of it
-- as: plain
CREATE TYPE pg_temp.one AS (a pg_temp.switching);
CREATE FUNCTION pg_temp.sweep() RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
    parameter record;
    wanted text;
    said text;
    strange text := '';
    tries integer := 0;
BEGIN
    FOR parameter IN
        SELECT name, reset_val,
               CASE vartype WHEN 'bool' THEN ARRAY['on', 'off'] WHEN 'enum' THEN enumvals WHEN 'string' THEN ARRAY['', 'x', repeat('y', 300)]
               ELSE ARRAY[min_val, max_val] END AS extremes
        FROM pg_catalog.pg_settings
        WHERE context IN ('user', 'superuser') AND name !~ 'statement_timeout|lock_timeout|transaction_timeout|session_timeout|client_min_messages|client_encoding|exit_on_error|^(log|debug)_|_stats$|^hostile'
    LOOP
        FOREACH wanted IN ARRAY parameter.extremes LOOP
            BEGIN
                PERFORM pg_catalog.set_config('hostile.name', 'hostile.nothing', false), pg_catalog.set_config(parameter.name, wanted, false);
                said := judge.honest($$'(a)'::pg_temp.one is not null and usename = 'app'$$);
                PERFORM pg_catalog.set_config(parameter.name, parameter.reset_val, false);
                IF said <> 'ok: 2' THEN strange := strange || pg_catalog.format('%s = %s before: %s, ', parameter.name, wanted, said); END IF;
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
            PERFORM pg_catalog.set_config('hostile.name', parameter.name, false), pg_catalog.set_config('hostile.value', wanted, false);
            said := judge.honest($$'(a)'::pg_temp.one is not null and usename = 'app'$$);
            IF said <> 'ok: 2' THEN strange := strange || pg_catalog.format('%s = %s meanwhile: %s, ', parameter.name, wanted, said); END IF;
            BEGIN
                PERFORM pg_catalog.set_config(parameter.name, parameter.reset_val, false);
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
            tries := tries + 1;
        END LOOP;
    END LOOP;
    RETURN CASE WHEN strange = '' AND tries > 100 THEN 'all the same' ELSE 'not ok: ' || strange || tries END;
END
$f$;
SELECT pg_temp.sweep();
-- want: all the same
