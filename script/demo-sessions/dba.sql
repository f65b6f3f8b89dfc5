-- A colleague who has a psql open.
select 1;
\i :silence
