User-defined types in places where a condition uses PostgreSQL's types.

-- 1. Unqualified type names find pg_temp first
CREATE DOMAIN pg_temp.int4 AS integer CHECK (pg_temp.strikes(value));
CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.strikes(value));
CREATE DOMAIN pg_temp.name AS pg_catalog.text CHECK (pg_temp.strikes(value));
CREATE TYPE pg_temp.interval AS ENUM ('1 h');
CREATE TYPE pg_temp.inet AS (a integer);
SELECT judge.honest('pid = any (''{1,2}''::int4[])'), judge.honest('usename = ''x''::text'), judge.honest('usename::name = ''x'''),
       judge.honest('idle_for > ''1 h''::interval'), judge.honest('client_addr = ''127.0.0.1''::inet'), judge.honest('pid = $1::int4', '{1}');
SELECT judge.wrapped(v.condition) FROM (VALUES ('pid = any (''{1,2}''::int4[])'), ('usename = ''x''::text'), ('usename::name = ''x'''), ('client_addr = ''127.0.0.1''::inet')) AS v (condition);

-- 2. Arrays, rows, ranges and enums of every depth as literals
CREATE TYPE pg_temp.one AS (a pg_temp.striking, b integer);
CREATE TYPE pg_temp.two AS (x pg_temp.one, y pg_temp.one[]);
CREATE TYPE pg_temp.stretch AS RANGE (subtype = pg_temp.striking);
CREATE TYPE pg_temp.kind AS ENUM ('a');
SELECT judge.honest('''{a}''::pg_temp.striking[] is not null and pid > 0'), judge.honest('''(a,1)''::pg_temp.one is not null and pid > 0'),
       judge.honest('''("(a,1)","{""(b,2)""}")''::pg_temp.two is not null and pid > 0'), judge.honest('''[a,b)''::pg_temp.stretch is not null and pid > 0'),
       judge.honest('''a''::pg_temp.kind is not null and pid > 0'), judge.honest('''x''::pg_temp.kind is not null and pid > 0'),
       judge.honest('''{}''::pg_temp.nothing[] is not null and pid > 0'), judge.honest('row(pid, usename)::pg_temp.one is not null'),
       judge.honest('(row(''a'', pid)::pg_temp.one).b = pid'), judge.honest('(s::pg_temp.one).b = pid'), judge.honest('array[row(''a'', pid)::pg_temp.one] is not null'),
       judge.honest('pg_temp.striking ''x'' is not null and pid > 0'), judge.honest('cast(usename as pg_temp.striking) is not null');
-- want: ok

-- 3. A cast of one's own, implicit and in an assignment
CREATE TYPE pg_temp.mine AS (a text);
CREATE FUNCTION pg_temp.to_bool(pg_temp.mine) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT pg_temp.strike()';
CREATE FUNCTION pg_temp.to_mine(text) RETURNS pg_temp.mine STABLE LANGUAGE sql AS 'SELECT row($1)::pg_temp.mine';
CREATE CAST (pg_temp.mine AS boolean) WITH FUNCTION pg_temp.to_bool(pg_temp.mine) AS IMPLICIT;
CREATE CAST (text AS pg_temp.mine) WITH FUNCTION pg_temp.to_mine(text) AS IMPLICIT;
SELECT judge.honest('row(usename)::pg_temp.mine'), judge.honest('(query::pg_temp.mine)::boolean'), judge.honest('pid > 0 and $1::pg_temp.mine', '{x}');
SELECT judge.wrapped(v.condition) FROM (VALUES ('(application_name::pg_temp.mine)::boolean'), ('row(usename)::pg_temp.mine')) AS v (condition);

-- 4. In a SECURITY DEFINER function: no type but core's, in any spelling
CREATE TYPE pg_temp.one AS (a pg_temp.striking);
CREATE TYPE pg_temp.stretch AS RANGE (subtype = pg_temp.striking);
CREATE DOMAIN pg_temp.date AS pg_catalog.text CHECK (pg_temp.strikes(value));
SELECT judge.wrapped(v.condition) FROM (VALUES ('''{a}''::pg_temp.striking[] is not null and pid > 0'), ('''(a)''::pg_temp.one is not null and pid > 0'), ('''[a,b]''::pg_temp.stretch is not null and pid > 0'),
    ('''{a}''::striking[] is not null and pid > 0'), ('''(a)''::one is not null and pid > 0'), ('''{"(a)"}''::one[] is not null and pid > 0'), ('striking ''a'' is not null and pid > 0'), ('cast(usename as striking) is not null'),
    ('''a''::pg_temp.striking is not null and pid > 0'), ('date ''a'' is not null and pid > 0'), ('usename = any (''{a}''::pg_temp.striking[])'), ('row(usename)::one is not null'), ('array[usename]::striking[] is not null'),
    ('(null::one).a is null and pid > 0'), ('null::striking is null and pid > 0'), ('array_in(''{a}'', ''pg_temp.striking''::regtype, -1) is not null and pid > 0'),
    ('record_in(''(a)'', ''pg_temp.one''::regtype, -1) is not null and pid > 0'), ('domain_in(''a'', ''pg_temp.striking''::regtype, -1) is not null and pid > 0'), ('pid is of (pg_temp.striking)'),
    ('json_populate_record(null::pg_temp.one, ''{"a":"x"}'') is not null and pid > 0'), ('xmlserialize(content ''<a/>'' as pg_temp.striking) is not null and pid > 0'), ('usename %type is not null'), ('(a.x).y::z.w is null'),
    ('pid = any (select 1)'), ('s.*::text is not null'), ('pid::pg_temp."int4" = 1'), ('pid::shop.pg_temp.striking = 1')) AS v (condition);
SELECT judge.wrapped('usename = $1::pg_temp.striking', '{a}'), judge.wrapped('$1::pg_temp.striking[] is null and pid > 0', '{"{a}"}');

-- 5. A condition of json's newer constructors with types of one's own
-- since: 160000
CREATE TYPE pg_temp.one AS (a pg_temp.striking);
SELECT judge.wrapped(v.condition) FROM (VALUES ('json_value(''{"a":"x"}'', ''$.a'' returning pg_temp.striking) is not null and pid > 0'), ('json_query(''{"a":"x"}'', ''$'' returning pg_temp.one) is not null and pid > 0'),
    ('json_object(''a'': ''x'' returning pg_temp.striking) is not null and pid > 0'), ('json_scalar(1) is not null and pid > 0'), ('exists (select 1 from json_table(''[1]'', ''$'' columns (a pg_temp.striking)) as j) and pid > 0')) AS v (condition);
SELECT judge.honest('json_value(''{"a":"x"}'', ''$.a'' returning pg_temp.striking) is not null and pid > 0');

-- 6. Types that are half made, or gone
CREATE TYPE pg_temp.shell;
SELECT judge.honest('''a''::pg_temp.shell is null and pid > 0'), judge.honest('''{a}''::pg_temp.shell[] is null and pid > 0'), judge.honest('null::pg_temp.shell is null and pid > 0'),
       judge.honest('''a''::cstring is not null and pid > 0'), judge.honest('''1''::internal is not null'), judge.honest('''a''::anyelement is null'), judge.honest('pid = ''1''::unknown'), judge.honest('''x''::trigger is null'),
       judge.honest('''pg_class''::regclass::integer = pid'), judge.honest('''(1)''::record is null'), judge.honest('s = ''(1)'''), judge.honest('s = row(1)'), judge.honest('''1''::pid = 1'), judge.honest('usename::void is null');

-- 7. Collations of one's own
CREATE COLLATION pg_temp.ours FROM "C";
SELECT judge.honest('usename < ''m'' collate pg_temp.ours or pid > 0'), judge.honest('usename < ''m'' collate "nothing"'), judge.honest('usename < ''m'' collate "C" and application_name collate "POSIX" > '''''),
       judge.honest('usename collate "C" < application_name collate "POSIX"'), judge.honest('pid collate "C" > 0');
SELECT judge.wrapped('usename < ''m'' collate pg_temp.ours');
-- never: refused: XX

-- 8. Nondeterministic collations, as keys and in patterns
-- since: 120000
CREATE COLLATION pg_temp.loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
SELECT judge.honest('usename collate pg_temp.loose = ''APP'''), judge.honest('usename collate pg_temp.loose like ''A%'''), judge.honest('usename collate pg_temp.loose ~ ''A'''),
       judge.honest('usename::text collate pg_temp.loose in (''APP'', ''x'')');
SELECT judge.wrapped('usename collate pg_temp.loose = ''APP''');
