-- Regina changes a row and goes to lunch. She is back when somebody writes to the pipe.
\setenv LUNCH :lunch
begin;
update article set stock = stock - 1 where id = 1;
\! read -r back < "$LUNCH"
commit;
