-- Corrects a number by hand, does not commit, and goes for lunch.
begin;
update article set stock = 99 where id = 1;
\i :silence
