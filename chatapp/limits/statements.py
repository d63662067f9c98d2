"""The functions in Postgres that count; each is one call for the application. Migrations install them."""

from __future__ import annotations

# Rows are locked in the order of their names, by all: no two calls wait for each other.
TAKE = """
CREATE OR REPLACE FUNCTION limits_take(requests int[], buckets text[], spent float8[], sizes float8[])
RETURNS TABLE (request int, bucket text, fits boolean, backlog float8) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    moment float8;
    one int;
    may boolean;
BEGIN
    INSERT INTO limits_counter (name, empty_at)
    SELECT DISTINCT given.name, 0 FROM unnest(buckets) AS given (name) ORDER BY given.name
    ON CONFLICT (name) DO NOTHING;
    PERFORM 1 FROM limits_counter WHERE name = ANY (buckets) ORDER BY name FOR UPDATE;
    moment := extract(epoch FROM clock_timestamp());
    FOR one IN SELECT DISTINCT given.number FROM unnest(requests) AS given (number) ORDER BY given.number LOOP
        SELECT bool_and(greatest(kept.empty_at - moment, 0) + given.cost <= given.size + 1e-6) INTO may
        FROM unnest(requests, buckets, spent, sizes) AS given (number, name, cost, size)
        JOIN limits_counter AS kept ON kept.name = given.name WHERE given.number = one;
        IF may THEN
            UPDATE limits_counter AS kept SET empty_at = greatest(kept.empty_at, moment) + given.cost
            FROM unnest(requests, buckets, spent) AS given (number, name, cost)
            WHERE given.number = one AND kept.name = given.name;
        END IF;
        RETURN QUERY SELECT one, kept.name::text, may, greatest(kept.empty_at - moment, 0)
        FROM unnest(requests, buckets) AS given (number, name)
        JOIN limits_counter AS kept ON kept.name = given.name WHERE given.number = one;
    END LOOP;
END $$
"""
# A bucket may run over: what was used is known only afterwards.
CHARGE = """
CREATE OR REPLACE FUNCTION limits_charge(buckets text[], spent float8[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moment float8;
BEGIN
    INSERT INTO limits_counter (name, empty_at)
    SELECT given.name, 0 FROM unnest(buckets) AS given (name) ORDER BY given.name ON CONFLICT (name) DO NOTHING;
    PERFORM 1 FROM limits_counter WHERE name = ANY (buckets) ORDER BY name FOR UPDATE;
    moment := extract(epoch FROM clock_timestamp());
    UPDATE limits_counter AS kept SET empty_at = greatest(greatest(kept.empty_at, moment) + given.cost, moment)
    FROM unnest(buckets, spent) AS given (name, cost) WHERE kept.name = given.name;
END $$
"""
# -> the first name that has no room left, or null: then the slot is taken.
SLOT = """
CREATE OR REPLACE FUNCTION limits_take_slot(slot uuid, counted text[], mosts int[], lives_s float8)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    moment float8;
    one record;
BEGIN
    FOR one IN SELECT given.name FROM unnest(counted) AS given (name) ORDER BY given.name LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('limits ' || one.name, 0));
    END LOOP;
    moment := extract(epoch FROM clock_timestamp());
    DELETE FROM limits_slot WHERE until < moment;
    FOR one IN SELECT given.name, given.most FROM unnest(counted, mosts) AS given (name, most) LOOP
        IF (SELECT count(*) FROM limits_slot WHERE names ? one.name) >= one.most THEN
            RETURN one.name;
        END IF;
    END LOOP;
    INSERT INTO limits_slot (id, names, until) VALUES (slot, to_jsonb(counted), moment + lives_s);
    RETURN NULL;
END $$
"""
GONE = """
DROP FUNCTION IF EXISTS limits_take(int[], text[], float8[], float8[]);
DROP FUNCTION IF EXISTS limits_charge(text[], float8[]);
DROP FUNCTION IF EXISTS limits_take_slot(uuid, text[], int[], float8);
"""
