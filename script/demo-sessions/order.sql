-- A customer in the middle of an order, who pays when somebody writes to the pipe, and orders again.
\setenv ORDER :order
begin;
update article set stock = stock - 1 where id = 2;
\! read -r paid < "$ORDER"
commit;
update article set stock = stock - 1 where id = 3;
