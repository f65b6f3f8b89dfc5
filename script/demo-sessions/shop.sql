-- A small shop: its web application, three people, and a standby.
create role shop login;
create role analyst login;
create role regina login;
create role dba login superuser;
create role standby login replication;
create database shop;
\connect shop
create extension pg_sessionctl;
create table article as select id, 100 as stock from generate_series(1, 5000) as id;
alter table article add primary key (id);
grant select, update on article to shop, analyst, regina;
-- A function that does not let itself be cancelled.
create function forecast() returns void language plpgsql as $$
begin
    loop
        begin
            perform pg_sleep(600);
        exception when query_canceled then
            null;
        end;
    end loop;
end
$$;
