-- A walk through the boundary for script/valgrind, one statement a line, each way fifty times.
CREATE EXTENSION pg_sessionctl;
CREATE FUNCTION often(statement text) RETURNS integer LANGUAGE plpgsql AS 'declare caught integer := 0; begin for i in 1..50 loop begin execute statement; exception when others then caught := caught + 1; end; end loop; return caught; end';
SELECT often(format('select sessionctl_test.raise(%L)', kind)) FROM unnest('{postgres,core,position,memory,standard,unknown}'::text[]) kind;
SELECT often('select sessionctl_test.nest(3)'), often('select sessionctl_test.call_in_call()'), often('select sessionctl_test.raise_in_catch()');
SELECT sessionctl_test.survive(50), sessionctl_test.destroyed();
SELECT often(format('select sessionctl_test.fail_held(%L)', how)) FROM unnest('{interrupts,cancels,lwlock,lwlock inside}'::text[]) how;
SELECT often(format('select sessionctl_test.claim(%L)', how)) FROM unnest('{return,error,exception}'::text[]) how;
SELECT often('select sessionctl_test.throw_in(''timer'')'), often('select sessionctl_test.throw_in(''executor start'')');
SELECT sessionctl_test.throw_in('commit');
SELECT sessionctl_test.throw_in('abort');
SELECT 1 / 0;
SELECT often('select sessionctl_test.signal(99999999, 0, ''pidfd'')'), sessionctl_test.best_method();
SELECT often('select sessionctl.safe_count(''false'')'), often('select count(*) from sessionctl.session_activity');
SELECT often(format('select sessionctl.safe_count(%L)', condition)) FROM unnest('{no_such_column,"1 / 0 = 1","pid = ","nextval(''s'') = 1",NULL}'::text[]) condition;
SELECT often('select * from sessionctl.preview_where(''pid > 0'')'), often('select sessionctl.terminate_where(''pid < 0'')'), often('select sessionctl.terminate_role_sessions(''nobody'')');
SELECT sessionctl_test.throw_in('exit');
