-- Deletes an order, does not commit, and goes for lunch.
begin;
delete from orders where id = 7;
\i :silence
