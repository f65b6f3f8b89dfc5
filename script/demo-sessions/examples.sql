-- What the examples of README.md and doc/guide are about: the database shop, its roles and its orders, and a forecast that hears nothing
-- until somebody opens the pipe "forecast" in the data directory. test/t/390_documentation_*.pl play them on it.
create role app login;
create role batch login;
create role leaver login;
create role ops login;
create role crawler login;
create role regina login;
create role boss login superuser;
create extension if not exists pg_sessionctl;
create database shop;
\connect shop
create extension pg_sessionctl;
create table orders as select generate_series(1, 5000) as id;
alter table orders owner to app;
grant all on orders to regina;
grant select on orders to batch;
create function forecast() returns text language sql security definer set search_path = pg_catalog, pg_temp as $$
select pg_read_file('forecast', 0, 1)
$$;
