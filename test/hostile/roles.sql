-- The roles that attack, and those that are attacked. Run in database postgres by a superuser.
SET client_min_messages = warning;
CREATE ROLE boss LOGIN SUPERUSER;
CREATE ROLE app LOGIN;
CREATE ROLE plain LOGIN;
CREATE ROLE dbowner LOGIN;
CREATE ROLE createrole LOGIN CREATEROLE;
CREATE ROLE replicator LOGIN REPLICATION;
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'pg_signal_backend') THEN
        CREATE ROLE signaller LOGIN IN ROLE pg_signal_backend;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'pg_monitor') THEN
        CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
    END IF;
END
$$;
CREATE DATABASE shop OWNER dbowner TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';
