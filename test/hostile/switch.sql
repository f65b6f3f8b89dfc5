-- In the schema that psql's variable schema names: sets the parameter that hostile.name names.
CREATE FUNCTION :schema.switch(anyelement) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.set_config(pg_catalog.current_setting('hostile.name'), pg_catalog.current_setting('hostile.value'), false);
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN true;
END
$$;
