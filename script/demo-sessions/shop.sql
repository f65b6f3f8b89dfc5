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
