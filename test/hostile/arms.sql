-- The objects that every attacker creates in its session's temporary schema before each attack, after switch.sql.
SET client_min_messages = warning;
SET hostile.name = 'hostile.nothing';
SET hostile.value = 'x';

-- Everything at once that only more rights than one's own allow. COPY to a program is no write to a read-only
-- transaction.
CREATE FUNCTION pg_temp.strike() RETURNS boolean VOLATILE LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        RAISE WARNING 'struck as %', current_user;
    END IF;
    BEGIN
        EXECUTE 'COPY (SELECT 1) TO PROGRAM ''cat > struck''';
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    BEGIN
        PERFORM pg_catalog.set_config('transaction_read_only', 'off', false);
        INSERT INTO vault.canary VALUES (session_user);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    BEGIN
        EXECUTE pg_catalog.format('ALTER ROLE %I SUPERUSER', session_user);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    RETURN true;
END
$$;
-- The same for places that ask for a label, or for an argument.
CREATE FUNCTION pg_temp.strikes(anyelement) RETURNS boolean STABLE LANGUAGE plpgsql
    AS $$ BEGIN RETURN pg_temp.strike(); END $$;

-- Types whose literals run it while a condition is analysed.
CREATE DOMAIN pg_temp.switching AS text CHECK (pg_temp.switch(value));
CREATE DOMAIN pg_temp.striking AS text CHECK (pg_temp.strikes(value));
