\sleep 1 s
select stock from article where id = 7;
