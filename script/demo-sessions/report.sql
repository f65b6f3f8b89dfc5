-- The monthly report, without a WHERE.
select count(*) from article a, article b, article c;
\i :silence
