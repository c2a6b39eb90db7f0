SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA shop;
CREATE SCHEMA usdx;
CREATE FUNCTION usdx.address_text(address bytea) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
declare
    round_constants constant bigint[] := array[
        1, 32898, -9223372036854742902, -9223372034707259392, 32907, 2147483649, -9223372034707259263,
        -9223372036854743031, 138, 136, 2147516425, 2147483658, 2147516555, -9223372036854775669,
        -9223372036854742903, -9223372036854743037, -9223372036854743038, -9223372036854775680, 32778,
        -9223372034707292150, -9223372034707259263, -9223372036854742912, 2147483649, -9223372034707259384
    ];
    turns constant int[] := array[1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];
    places constant int[] := array[10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];
    digits constant text := encode(address, 'hex');
    a bigint[] := array_fill(0::bigint, array[25]);
    c bigint[] := array_fill(0::bigint, array[5]);
    d bigint;
    t bigint;
    u bigint;
    n int;
    nibble int;
    written text := '0x';
begin
    if length(address) <> 20 then
        return '0x' || digits;
    end if;
    for i in 0..39 loop
        a[i / 8 + 1] := a[i / 8 + 1] | (ascii(substr(digits, i + 1, 1))::bigint << (8 * (i % 8)));
    end loop;
    a[6] := 1;
    a[17] := (-9223372036854775807 - 1)::bigint;
    for r in 1..24 loop
        for x in 1..5 loop
            c[x] := a[x] # a[x + 5] # a[x + 10] # a[x + 15] # a[x + 20];
        end loop;
        for x in 0..4 loop
            t := c[(x + 1) % 5 + 1];
            d := c[(x + 4) % 5 + 1] # ((t << 1) | ((t >> 63) & 1));
            for y in 0..4 loop
                a[x + 5 * y + 1] := a[x + 5 * y + 1] # d;
            end loop;
        end loop;
        t := a[2];
        for i in 1..24 loop
            n := turns[i];
            u := a[places[i] + 1];
            a[places[i] + 1] := (t << n) | ((t >> (64 - n)) & ((1::bigint << n) - 1));
            t := u;
        end loop;
        for y in 0..4 loop
            c := a[5 * y + 1 : 5 * y + 5];
            for x in 0..4 loop
                a[5 * y + x + 1] := c[x + 1] # (~c[(x + 1) % 5 + 1] & c[(x + 2) % 5 + 1]);
            end loop;
        end loop;
        a[1] := a[1] # round_constants[r];
    end loop;
    for i in 0..39 loop
        nibble := (a[i / 16 + 1] >> (8 * (i / 2 % 8) + 4 * (1 - i % 2))) & 15;
        written := written || case when nibble >= 8 then upper(substr(digits, i + 1, 1)) else substr(digits, i + 1, 1) end;
    end loop;
    return written;
end
$$;
CREATE FUNCTION usdx.create_oracle_partitions(day date) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    name text;
begin
    perform pg_advisory_xact_lock(1970496632, 2);
    foreach name in array array['observations', 'quotes'] loop
        execute format(
            'create table if not exists usdx.%I partition of usdx.%I for values from (%L) to (%L)',
            name || to_char(day, '_YYYYMMDD'), name, day::timestamp at time zone 'UTC',
            (day + 1)::timestamp at time zone 'UTC'
        );
    end loop;
end $$;
CREATE FUNCTION usdx.drop_oracle_partitions(before date) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare
    part regclass;
    dropped int := 0;
begin
    for part in
        select inhrelid::regclass from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent in ('usdx.observations'::regclass, 'usdx.quotes'::regclass)
          and right(relname, 8) < to_char(before, 'YYYYMMDD')
    loop
        execute format('drop table %s', part);
        dropped := dropped + 1;
    end loop;
    return dropped;
end $$;
CREATE FUNCTION usdx.explain_price(of_feed text, at timestamp with time zone DEFAULT now()) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
select jsonb_build_object(
    'feed', seen.feed,
    'observed_at', seen.observed_at,
    'result', seen.result,
    'price', seen.price::text,
    'reason', seen.reason,
    'detail', seen.detail,
    'spread_bps', seen.spread_bps::text,
    'confidence', seen.confidence::text,
    'groups', to_jsonb(seen.groups),
    'oldest_input_at', seen.oldest_input_at,
    'published', seen.published,
    'derivation', seen.derivation,
    'quotes', coalesce((
        select jsonb_agg(jsonb_build_object(
            'source', source, 'pair', pair, 'price', price::text, 'converted', converted::text, 'verdict', verdict,
            'reason', reason, 'detail', detail, 'venue_time', venue_time, 'received_at', received_at,
            'sequence', sequence, 'confidence', confidence::text, 'volume', volume::text,
            'liquidity', liquidity::text, 'spot', spot::text, 'duration_s', duration_s
        ) order by source)
        from usdx.quotes
        where quotes.feed = seen.feed and quotes.observed_at = seen.observed_at
    ), '[]'::jsonb)
)
from (
    select * from usdx.observations
    where observations.feed = of_feed and observed_at <= at
    order by observed_at desc
    limit 1
) seen
$$;
CREATE FUNCTION usdx.text_bytes(stored text) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    select coalesce(string_agg(
        case when part[1] is not null then decode(part[1], 'hex') else convert_to(part[2], 'UTF8') end, '' order by place
    ), '')
    from regexp_matches(stored, '\\x([0-9a-f]{2})|((?:(?!\\x[0-9a-f]{2}).)+)', 'gs') with ordinality as found (part, place)
$$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE shop.desk_note (
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    log_index bigint NOT NULL,
    block_time timestamp with time zone NOT NULL,
    block_hash bytea NOT NULL,
    tx_hash bytea NOT NULL,
    address bytea NOT NULL,
    text text NOT NULL,
    number numeric(78,0) NOT NULL
);
COMMENT ON TABLE shop.desk_note IS 'Note(string text, uint64 number)';
CREATE TABLE shop.item_note (
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    log_index bigint NOT NULL,
    block_time timestamp with time zone NOT NULL,
    block_hash bytea NOT NULL,
    tx_hash bytea NOT NULL,
    address bytea NOT NULL,
    text text NOT NULL,
    number numeric(78,0) NOT NULL
);
COMMENT ON TABLE shop.item_note IS 'Note(string text, uint64 number)';
CREATE TABLE shop.mint_born (
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    log_index bigint NOT NULL,
    block_time timestamp with time zone NOT NULL,
    block_hash bytea NOT NULL,
    tx_hash bytea NOT NULL,
    address bytea NOT NULL,
    child bytea NOT NULL
);
COMMENT ON TABLE shop.mint_born IS 'Born(address indexed child)';
CREATE TABLE shop.token_transfer (
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    log_index bigint NOT NULL,
    block_time timestamp with time zone NOT NULL,
    block_hash bytea NOT NULL,
    tx_hash bytea NOT NULL,
    address bytea NOT NULL,
    from_ bytea NOT NULL,
    to_ bytea NOT NULL,
    value numeric(78,0) NOT NULL
);
COMMENT ON TABLE shop.token_transfer IS 'Transfer(address indexed from, address indexed to, uint256 value)';
CREATE TABLE usdx.alert_acknowledgements (
    id bigint NOT NULL,
    fingerprint text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    by text NOT NULL,
    note text NOT NULL,
    at timestamp with time zone NOT NULL
);
ALTER TABLE usdx.alert_acknowledgements ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME usdx.alert_acknowledgements_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE usdx.alert_notifications (
    fingerprint text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    ends_at timestamp with time zone,
    alertname text NOT NULL,
    severity text NOT NULL,
    service text NOT NULL,
    labels jsonb NOT NULL,
    annotations jsonb NOT NULL,
    generator_url text NOT NULL,
    receiver text NOT NULL,
    first_received_at timestamp with time zone NOT NULL,
    last_received_at timestamp with time zone NOT NULL,
    received bigint DEFAULT 1 NOT NULL,
    CONSTRAINT alert_notifications_status_check CHECK ((status = ANY (ARRAY['firing'::text, 'resolved'::text])))
);
CREATE VIEW usdx.alerts AS
 SELECT episode.fingerprint,
    episode.starts_at,
    newest.alertname,
    newest.severity,
    newest.service,
    newest.labels,
    newest.annotations,
    newest.generator_url,
    resolved.ends_at AS resolved_at,
    ((resolved.fingerprint IS NULL) AND (NOT (EXISTS ( SELECT
           FROM usdx.alert_notifications later
          WHERE ((later.fingerprint = episode.fingerprint) AND (later.starts_at > episode.starts_at)))))) AS active,
    episode.first_received_at,
    newest.last_received_at,
    acknowledged.at AS acknowledged_at,
    acknowledged.by AS acknowledged_by,
    acknowledged.note AS acknowledged_note
   FROM (((( SELECT alert_notifications.fingerprint,
            alert_notifications.starts_at,
            min(alert_notifications.first_received_at) AS first_received_at
           FROM usdx.alert_notifications
          GROUP BY alert_notifications.fingerprint, alert_notifications.starts_at) episode
     CROSS JOIN LATERAL ( SELECT n.fingerprint,
            n.starts_at,
            n.status,
            n.ends_at,
            n.alertname,
            n.severity,
            n.service,
            n.labels,
            n.annotations,
            n.generator_url,
            n.receiver,
            n.first_received_at,
            n.last_received_at,
            n.received
           FROM usdx.alert_notifications n
          WHERE ((n.fingerprint = episode.fingerprint) AND (n.starts_at = episode.starts_at))
          ORDER BY n.status DESC
         LIMIT 1) newest)
     LEFT JOIN usdx.alert_notifications resolved ON (((resolved.fingerprint = episode.fingerprint) AND (resolved.starts_at = episode.starts_at) AND (resolved.status = 'resolved'::text))))
     LEFT JOIN LATERAL ( SELECT a.at,
            a.by,
            a.note
           FROM usdx.alert_acknowledgements a
          WHERE ((a.fingerprint = episode.fingerprint) AND (a.starts_at = episode.starts_at))
          ORDER BY a.at DESC
         LIMIT 1) acknowledged ON (true));
CREATE TABLE usdx.backups (
    target text NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    file text NOT NULL,
    bytes bigint NOT NULL,
    tables integer NOT NULL,
    rows bigint NOT NULL,
    duration_s double precision NOT NULL
);
CREATE TABLE usdx.chains (
    chain text NOT NULL,
    chain_id bigint NOT NULL,
    genesis_hash bytea NOT NULL
);
CREATE TABLE usdx.checkpoints (
    stream text NOT NULL,
    block_number bigint NOT NULL,
    block_hash bytea NOT NULL
);
CREATE TABLE usdx.coverage (
    stream text NOT NULL,
    first_block bigint NOT NULL,
    last_block bigint NOT NULL,
    evidence text NOT NULL,
    logs bigint NOT NULL,
    digest bytea NOT NULL,
    violations bigint NOT NULL,
    repaired boolean NOT NULL,
    checked_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT coverage_check CHECK ((first_block <= last_block))
);
CREATE TABLE usdx.cumulatives (
    pool text NOT NULL,
    at_s bigint NOT NULL,
    value numeric(78,0) NOT NULL
);
CREATE TABLE usdx.cursors (
    stream text NOT NULL,
    chain text NOT NULL,
    start_block bigint NOT NULL,
    block_number bigint NOT NULL,
    block_hash bytea,
    block_time timestamp with time zone,
    final_block bigint DEFAULT '-1'::integer NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE usdx.feeds (
    feed text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    required boolean NOT NULL,
    heartbeat_s double precision NOT NULL,
    active boolean DEFAULT true NOT NULL
);
CREATE TABLE usdx.figure_refreshes (
    gauge text NOT NULL,
    at timestamp with time zone NOT NULL,
    duration_s double precision NOT NULL
);
CREATE TABLE usdx.figures (
    gauge text NOT NULL,
    at timestamp with time zone NOT NULL,
    labels text[] NOT NULL,
    value numeric NOT NULL
);
CREATE TABLE usdx.observations (
    feed text NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    result text NOT NULL,
    price numeric,
    reason text,
    detail text,
    spread_bps numeric,
    confidence numeric NOT NULL,
    sources_used integer NOT NULL,
    sources_dropped integer NOT NULL,
    groups text[] NOT NULL,
    oldest_input_at timestamp with time zone,
    published boolean NOT NULL,
    duration_s double precision NOT NULL,
    derivation jsonb NOT NULL,
    CONSTRAINT observations_result_check CHECK ((result = ANY (ARRAY['fresh'::text, 'cached'::text, 'refused'::text])))
)
PARTITION BY RANGE (observed_at);
CREATE VIEW usdx.latest_prices AS
 SELECT feeds.feed,
    newest.price,
    newest.result,
    newest.reason,
    newest.detail,
    newest.spread_bps,
    newest.confidence,
    newest.sources_used,
    newest.observed_at,
    newest.oldest_input_at,
    newest.published,
    newest.derivation
   FROM (usdx.feeds
     CROSS JOIN LATERAL ( SELECT observations.feed,
            observations.observed_at,
            observations.result,
            observations.price,
            observations.reason,
            observations.detail,
            observations.spread_bps,
            observations.confidence,
            observations.sources_used,
            observations.sources_dropped,
            observations.groups,
            observations.oldest_input_at,
            observations.published,
            observations.duration_s,
            observations.derivation
           FROM usdx.observations
          WHERE (observations.feed = feeds.feed)
          ORDER BY observations.observed_at DESC
         LIMIT 1) newest)
  WHERE feeds.active;
CREATE TABLE usdx.manual_prices (
    id bigint NOT NULL,
    feed text NOT NULL,
    price numeric NOT NULL,
    set_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    author text NOT NULL,
    why text NOT NULL,
    CONSTRAINT manual_prices_price_check CHECK ((price > (0)::numeric))
);
ALTER TABLE usdx.manual_prices ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME usdx.manual_prices_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE usdx.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE TABLE usdx.observations_20260101 (
    feed text CONSTRAINT observations_feed_not_null NOT NULL,
    observed_at timestamp with time zone CONSTRAINT observations_observed_at_not_null NOT NULL,
    result text CONSTRAINT observations_result_not_null NOT NULL,
    price numeric,
    reason text,
    detail text,
    spread_bps numeric,
    confidence numeric CONSTRAINT observations_confidence_not_null NOT NULL,
    sources_used integer CONSTRAINT observations_sources_used_not_null NOT NULL,
    sources_dropped integer CONSTRAINT observations_sources_dropped_not_null NOT NULL,
    groups text[] CONSTRAINT observations_groups_not_null NOT NULL,
    oldest_input_at timestamp with time zone,
    published boolean CONSTRAINT observations_published_not_null NOT NULL,
    duration_s double precision CONSTRAINT observations_duration_s_not_null NOT NULL,
    derivation jsonb CONSTRAINT observations_derivation_not_null NOT NULL,
    CONSTRAINT observations_result_check CHECK ((result = ANY (ARRAY['fresh'::text, 'cached'::text, 'refused'::text])))
);
CREATE TABLE usdx.quotes (
    feed text NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    source text NOT NULL,
    pair text NOT NULL,
    price numeric,
    venue_time timestamp with time zone,
    server_time timestamp with time zone,
    received_at timestamp with time zone,
    receipt_age_s double precision,
    sequence text,
    confidence numeric,
    volume numeric,
    liquidity numeric,
    spot numeric,
    claims text,
    verdict text NOT NULL,
    reason text,
    detail text,
    converted numeric,
    duration_s double precision NOT NULL,
    CONSTRAINT quotes_verdict_check CHECK ((verdict = ANY (ARRAY['used'::text, 'dropped'::text, 'failed'::text])))
)
PARTITION BY RANGE (observed_at);
CREATE TABLE usdx.quotes_20260101 (
    feed text CONSTRAINT quotes_feed_not_null NOT NULL,
    observed_at timestamp with time zone CONSTRAINT quotes_observed_at_not_null NOT NULL,
    source text CONSTRAINT quotes_source_not_null NOT NULL,
    pair text CONSTRAINT quotes_pair_not_null NOT NULL,
    price numeric,
    venue_time timestamp with time zone,
    server_time timestamp with time zone,
    received_at timestamp with time zone,
    receipt_age_s double precision,
    sequence text,
    confidence numeric,
    volume numeric,
    liquidity numeric,
    spot numeric,
    claims text,
    verdict text CONSTRAINT quotes_verdict_not_null NOT NULL,
    reason text,
    detail text,
    converted numeric,
    duration_s double precision CONSTRAINT quotes_duration_s_not_null NOT NULL,
    CONSTRAINT quotes_verdict_check CHECK ((verdict = ANY (ARRAY['used'::text, 'dropped'::text, 'failed'::text])))
);
CREATE TABLE usdx.scopes (
    stream text NOT NULL,
    address bytea NOT NULL,
    event text NOT NULL
);
CREATE TABLE usdx.undecoded_logs (
    stream text NOT NULL,
    chain_id bigint NOT NULL,
    block_number bigint NOT NULL,
    log_index bigint NOT NULL,
    block_time timestamp with time zone NOT NULL,
    block_hash bytea NOT NULL,
    tx_hash bytea NOT NULL,
    address bytea NOT NULL,
    topics bytea[] NOT NULL,
    data bytea NOT NULL,
    reason text NOT NULL,
    message text NOT NULL
);
CREATE TABLE usdx.views (
    schema_name text NOT NULL,
    view_name text NOT NULL,
    "position" integer NOT NULL,
    digest bytea NOT NULL
);
ALTER TABLE ONLY usdx.observations ATTACH PARTITION usdx.observations_20260101 FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-01-02 00:00:00+00');
ALTER TABLE ONLY usdx.quotes ATTACH PARTITION usdx.quotes_20260101 FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-01-02 00:00:00+00');
INSERT INTO shop.desk_note VALUES (1337, 5, 1, '2023-11-14 22:13:25+00', '\x638fb796ccd10d8f869e62bec9702ee5b0308d8b543d97e5499edb4c06a0a095', '\xbebe087e6a40c93eaf6ab80bf77b673d236df843a2519f5f1a37bf0d069ebbde', '\x2222222222222222222222222222222222222222', 'n19', 19);
INSERT INTO shop.desk_note VALUES (1337, 7, 1, '2023-11-14 22:13:27+00', '\x5337ecb011eed8c0744aaa477bb7f41004bc61439e6313385cf23f2ebaefe266', '\x86ce047b600c4685d6d5d1301900850aeb5cf4e52b7c822b84196bec2fcc1a81', '\x2222222222222222222222222222222222222222', 'n25', 25);
INSERT INTO shop.desk_note VALUES (1337, 18, 2, '2023-11-14 22:13:38+00', '\x4603e4e8f66e27e0fbd16fd7286866a246d4762007b969228be21327a217f7ca', '\xdfe51cfc5d4ed4e30d84f13b268366012105fbc6efa596470ad0454de0cd0d9e', '\x2222222222222222222222222222222222222222', 'n57', 57);
INSERT INTO shop.desk_note VALUES (1337, 29, 1, '2023-11-14 22:13:49+00', '\x8ad892831d2877f9761357b295de94d8582dd02e4fb9210b5832e81e88e5038b', '\xc722cccec40bd2c0e1637720b4ac00c6089441d009003967b4fe65dbe80487f0', '\x2222222222222222222222222222222222222222', 'n77', 77);
INSERT INTO shop.desk_note VALUES (1337, 33, 0, '2023-11-14 22:13:53+00', '\x6c11e6febe4a519a32f919a49d88775bdaf9e77de2249199b6dc3dd048a84ace', '\x2ad764a4f9cfe2e6105ee004cb765708e6b9e6f8ed58805b2724fe84147c4ef2', '\x2222222222222222222222222222222222222222', 'n88', 88);
INSERT INTO shop.desk_note VALUES (1337, 35, 2, '2023-11-14 22:13:55+00', '\x9975dfa436e02c3514bd18eefecfa9c6621a58dcb0c50461d9d86cea8968ccbb', '\x49d01cf91c202c4d650d07e52b6d526fef347a7fb8541efe7c2c62d6b4f9b89d', '\x2222222222222222222222222222222222222222', 'n102', 102);
INSERT INTO shop.desk_note VALUES (1337, 40, 1, '2023-11-14 22:14:00+00', '\xd6c6faa0829116918be30f11c9237b47e0447b101b2dc331349b1f05640eeb7e', '\x43485f81ee7893a07ac4b980fc3e2a99ea51d91d9e2875430467c06555198fb9', '\x2222222222222222222222222222222222222222', 'n109', 109);
INSERT INTO shop.desk_note VALUES (1337, 50, 1, '2023-11-14 22:14:10+00', '\x7e5779382d17bf992e1586b564ad23bd08e5f40310dad8bcff5949d4fa9ba823', '\x30e38ecc444dc807c64574a963decda653dafd62e6644b9dd66d8824f89446b9', '\x2222222222222222222222222222222222222222', 'n131', 131);
INSERT INTO shop.desk_note VALUES (1337, 50, 2, '2023-11-14 22:14:10+00', '\x7e5779382d17bf992e1586b564ad23bd08e5f40310dad8bcff5949d4fa9ba823', '\x30e38ecc444dc807c64574a963decda653dafd62e6644b9dd66d8824f89446b9', '\x2222222222222222222222222222222222222222', 'n132', 132);
INSERT INTO shop.desk_note VALUES (1337, 51, 0, '2023-11-14 22:14:11+00', '\x0fb257e115282c900008c95da2792f4abdcad5dff9fbbfba7874f8f6f186e926', '\xbbe106c2667486b913f0aa5d0a6a2007ff859ea278de2e3145390561f8dd7b91', '\x2222222222222222222222222222222222222222', 'n136', 136);
INSERT INTO shop.desk_note VALUES (1337, 55, 0, '2023-11-14 22:14:15+00', '\x8b1df471c9091adee09f88f5ad8089e4bed536a7e5ebb376615fd1edd15ae663', '\xef0309c98e12461bfac9dd30df0afa4e5619c322ca3246531e8ec24d13b11915', '\x2222222222222222222222222222222222222222', 'n138', 138);
INSERT INTO shop.desk_note VALUES (1337, 57, 0, '2023-11-14 22:14:17+00', '\xba90beb754a3b5ef94bf3124945ee9365e95066aa18c6680ac848bb996c24ab3', '\xdb97c4f20f7b096a2c01ccf28b95508356e44c5c3f4bd96a59f3f29ca978ad9c', '\x2222222222222222222222222222222222222222', 'n139', 139);
INSERT INTO shop.desk_note VALUES (1337, 60, 0, '2023-11-14 22:14:20+00', '\xbd4a247534ad522fdeff135d2ad08cfb61110a5b64b58ef8c410dbfcb21034e5', '\x6bd0534ec72d52c4c386c54cee69bd6944d78dcb6e5b107f66160e47a08ae0b7', '\x2222222222222222222222222222222222222222', 'n141', 141);
INSERT INTO shop.desk_note VALUES (1337, 64, 1, '2023-11-14 22:14:24+00', '\xa5d2689d8faefaa1c72f686807c45901664ce7c8311a98e04afb51054c0e2bd4', '\xcbb26f40039b96dc588adfc7d346847e78af0e7ebf51576c2fb05092d5195bbe', '\x2222222222222222222222222222222222222222', 'n146', 146);
INSERT INTO shop.desk_note VALUES (1337, 69, 0, '2023-11-14 22:14:29+00', '\xa7e781f7e183948443774023496771cbd6efc4b3a5fa1a6e0df6cb2e00e93707', '\xfcaa908032c27a1c0b03ad7ec894342a7736c0e4c8b24a55c6dfc381f7e758a8', '\x2222222222222222222222222222222222222222', 'n158', 158);
INSERT INTO shop.desk_note VALUES (1337, 69, 1, '2023-11-14 22:14:29+00', '\xa7e781f7e183948443774023496771cbd6efc4b3a5fa1a6e0df6cb2e00e93707', '\xfcaa908032c27a1c0b03ad7ec894342a7736c0e4c8b24a55c6dfc381f7e758a8', '\x2222222222222222222222222222222222222222', 'n159', 159);
INSERT INTO shop.desk_note VALUES (1337, 69, 2, '2023-11-14 22:14:29+00', '\xa7e781f7e183948443774023496771cbd6efc4b3a5fa1a6e0df6cb2e00e93707', '\xfcaa908032c27a1c0b03ad7ec894342a7736c0e4c8b24a55c6dfc381f7e758a8', '\x2222222222222222222222222222222222222222', 'n160', 160);
INSERT INTO shop.desk_note VALUES (1337, 79, 0, '2023-11-14 22:14:39+00', '\x0fbd16ed85ccb795b28282b1fdd96f06890092ec4b456048f7f28f341f1a8a4f', '\x20a6c3c7d2f3b1b188c71da4af839ac626a3022900078ab14a329f154b4ceecb', '\x2222222222222222222222222222222222222222', 'n186', 186);
INSERT INTO shop.desk_note VALUES (1337, 79, 2, '2023-11-14 22:14:39+00', '\x0fbd16ed85ccb795b28282b1fdd96f06890092ec4b456048f7f28f341f1a8a4f', '\x20a6c3c7d2f3b1b188c71da4af839ac626a3022900078ab14a329f154b4ceecb', '\x2222222222222222222222222222222222222222', 'n188', 188);
INSERT INTO shop.desk_note VALUES (1337, 81, 2, '2023-11-14 22:14:41+00', '\x622cd5449c1798757a08d6a0cc4d3906dd6b187e591a77479f7fd00fabfa280e', '\x229905f2a9f0051c7a7d206d797ac4ef5956fc026d8d581515dea81342a15ea5', '\x2222222222222222222222222222222222222222', 'n194', 194);
INSERT INTO shop.item_note VALUES (1337, 5, 3, '2023-11-14 22:13:25+00', '\x638fb796ccd10d8f869e62bec9702ee5b0308d8b543d97e5499edb4c06a0a095', '\xbebe087e6a40c93eaf6ab80bf77b673d236df843a2519f5f1a37bf0d069ebbde', '\x4040404040404040404040404040404040404040', 'i21', 21);
INSERT INTO shop.item_note VALUES (1337, 7, 2, '2023-11-14 22:13:27+00', '\x5337ecb011eed8c0744aaa477bb7f41004bc61439e6313385cf23f2ebaefe266', '\x86ce047b600c4685d6d5d1301900850aeb5cf4e52b7c822b84196bec2fcc1a81', '\x4040404040404040404040404040404040404040', 'i26', 26);
INSERT INTO shop.item_note VALUES (1337, 7, 3, '2023-11-14 22:13:27+00', '\x5337ecb011eed8c0744aaa477bb7f41004bc61439e6313385cf23f2ebaefe266', '\x86ce047b600c4685d6d5d1301900850aeb5cf4e52b7c822b84196bec2fcc1a81', '\x4040404040404040404040404040404040404040', 'i27', 27);
INSERT INTO shop.item_note VALUES (1337, 15, 5, '2023-11-14 22:13:35+00', '\xabca4371cfe6f007541f56be6ba0e0401eb0b1bddf4db77d34ac7a5f60d291dd', '\x82d41dc196002e828167759185b7871da5d84d25ac36d69ffc89560129c74998', '\x4040404040404040404040404040404040404040', 'i50', 50);
INSERT INTO shop.item_note VALUES (1337, 50, 4, '2023-11-14 22:14:10+00', '\x7e5779382d17bf992e1586b564ad23bd08e5f40310dad8bcff5949d4fa9ba823', '\x30e38ecc444dc807c64574a963decda653dafd62e6644b9dd66d8824f89446b9', '\x4040404040404040404040404040404040404040', 'i134', 134);
INSERT INTO shop.item_note VALUES (1337, 76, 1, '2023-11-14 22:14:36+00', '\xc8b025bb8a71560a470473d9922b86400ebe3100d7c816b922ab4b8ad98ecdca', '\xf551028e9794d0aee010cccdcd3e7173624616f7e19bb5663c3226a530adba94', '\x4040404040404040404040404040404040404040', 'i176', 176);
INSERT INTO shop.item_note VALUES (1337, 25, 0, '2023-11-14 22:13:45+00', '\x05c379ce75170710990b14108f048ccf264c6ac5824dc695c7ea68d43e477375', '\x486c3acbf9e2f30c6e39b6d704e78ffffdeb7b7cfef420cebdd28550bf9e0352', '\x4242424242424242424242424242424242424242', 'i69', 69);
INSERT INTO shop.item_note VALUES (1337, 31, 2, '2023-11-14 22:13:51+00', '\x2027a4613558af36a06f11d4b23e9a88a1d4e1e5bc5394b58dc60b0fcc7e235b', '\xcf0178c10bdd267e422606ea5a9eb095b01249fdc696b6716066b3fc4b62ab30', '\x4242424242424242424242424242424242424242', 'i81', 81);
INSERT INTO shop.item_note VALUES (1337, 33, 3, '2023-11-14 22:13:53+00', '\x6c11e6febe4a519a32f919a49d88775bdaf9e77de2249199b6dc3dd048a84ace', '\x2ad764a4f9cfe2e6105ee004cb765708e6b9e6f8ed58805b2724fe84147c4ef2', '\x4141414141414141414141414141414141414141', 'i91', 91);
INSERT INTO shop.item_note VALUES (1337, 34, 0, '2023-11-14 22:13:54+00', '\xa541d18c76db6c3a2a8238d1a5c39d6136597f3387a48cc38de5a0a573da3a7e', '\x47596d6447957448f5a61bc399e6d4f996167558bdcd9e3b18aeeb7f4bf127fc', '\x4141414141414141414141414141414141414141', 'i94', 94);
INSERT INTO shop.item_note VALUES (1337, 38, 0, '2023-11-14 22:13:58+00', '\x4f7b7d79079d27431fd569ea689c847b83fd7a142dc9897e42db97832c968369', '\x7c7ec1932d7c4eec0e9e341799ebd48a56772b178eae2e9ea7e339adf5ce68e1', '\x4141414141414141414141414141414141414141', 'i103', 103);
INSERT INTO shop.item_note VALUES (1337, 39, 1, '2023-11-14 22:13:59+00', '\x23828ee51ff92df2b3aefb69ff1e177bedfa294d915786c94b46d4efe3bc689e', '\x481d8a7e2ab0508185a28562f8542efeb5e714c656ee8d262bedcd42767ecaa1', '\x4242424242424242424242424242424242424242', 'i106', 106);
INSERT INTO shop.item_note VALUES (1337, 40, 2, '2023-11-14 22:14:00+00', '\xd6c6faa0829116918be30f11c9237b47e0447b101b2dc331349b1f05640eeb7e', '\x43485f81ee7893a07ac4b980fc3e2a99ea51d91d9e2875430467c06555198fb9', '\x4141414141414141414141414141414141414141', 'i110', 110);
INSERT INTO shop.item_note VALUES (1337, 41, 2, '2023-11-14 22:14:01+00', '\x374ea43d0dd0674956b17de914248509b27d485748bf47b2c85e7f5be42142e0', '\x46c6f90619bd27959477269907360173e2f88313b7c55501f5a53b38e48e2a22', '\x4242424242424242424242424242424242424242', 'i116', 116);
INSERT INTO shop.item_note VALUES (1337, 42, 2, '2023-11-14 22:14:02+00', '\x05ee90030ebf35c42eefdc5ee0e96c1348f4703ec56d371c70a5e653b2217bd8', '\x18cbc3a6875f0ada6d804c2d0502e468c5d60e056d99523ee3b28524b30f1619', '\x4141414141414141414141414141414141414141', 'i119', 119);
INSERT INTO shop.item_note VALUES (1337, 46, 0, '2023-11-14 22:14:06+00', '\x47ff7d2b7cc004449ac79e512b69c232c61451b20707dcdda4f3055d90e9030c', '\xe86e71a82d3fd4ea057e285a902482fb8d8919bbe554d15907efb63e529b0b72', '\x4141414141414141414141414141414141414141', 'i123', 123);
INSERT INTO shop.item_note VALUES (1337, 64, 0, '2023-11-14 22:14:24+00', '\xa5d2689d8faefaa1c72f686807c45901664ce7c8311a98e04afb51054c0e2bd4', '\xcbb26f40039b96dc588adfc7d346847e78af0e7ebf51576c2fb05092d5195bbe', '\x4141414141414141414141414141414141414141', 'i145', 145);
INSERT INTO shop.item_note VALUES (1337, 65, 1, '2023-11-14 22:14:25+00', '\x126b77e97486cf64f5426a3fbcd71983ee320f6b356271a404d23c8a1e94c4d8', '\x20bde5921e093603bd05c3f8243d9d0f4c3e96b65cd5cad0d3ad10076613cc29', '\x4242424242424242424242424242424242424242', 'i152', 152);
INSERT INTO shop.item_note VALUES (1337, 65, 3, '2023-11-14 22:14:25+00', '\x126b77e97486cf64f5426a3fbcd71983ee320f6b356271a404d23c8a1e94c4d8', '\x20bde5921e093603bd05c3f8243d9d0f4c3e96b65cd5cad0d3ad10076613cc29', '\x4141414141414141414141414141414141414141', 'i154', 154);
INSERT INTO shop.item_note VALUES (1337, 69, 5, '2023-11-14 22:14:29+00', '\xa7e781f7e183948443774023496771cbd6efc4b3a5fa1a6e0df6cb2e00e93707', '\xfcaa908032c27a1c0b03ad7ec894342a7736c0e4c8b24a55c6dfc381f7e758a8', '\x4141414141414141414141414141414141414141', 'i163', 163);
INSERT INTO shop.item_note VALUES (1337, 73, 0, '2023-11-14 22:14:33+00', '\x29e3068bba061b0b9aba56171e7ed91b647cef07656865708b347f99a85ce833', '\xae3b3f996b38bd09d194c06f7086a2a19ee4e29bd83c1d486c46bbcd7077ac88', '\x4141414141414141414141414141414141414141', 'i168', 168);
INSERT INTO shop.item_note VALUES (1337, 74, 4, '2023-11-14 22:14:34+00', '\xd9963a4fba3ad2b095dd6d78b5afa6c790f74e77850d71ca1fface4ff2f6fd57', '\x65266ffd3f5345cfbbd437eba6a0e81e6f8f2fea48c5231e08caac2dc57598dc', '\x4141414141414141414141414141414141414141', 'i173', 173);
INSERT INTO shop.item_note VALUES (1337, 84, 1, '2023-11-14 22:14:44+00', '\x18dce9bd80257fa14772e4dec5f2f58dfa4cc31ace596e6bae112cc002f75f2b', '\xa11b2933ef4464409def4f44a60861f1761f01b511451e6305fc2fa28dafae43', '\x4040404040404040404040404040404040404040', 'i203', 203);
INSERT INTO shop.mint_born VALUES (1337, 1, 1, '2023-11-14 22:13:21+00', '\xb3410055bb2d0bb2b7f9880a3d13da27de83e7947074c58b5d19eedbed408e5f', '\x04c32e56f11e6340000525fff1d15bade630595de7594b2b50d3a550cfd7a303', '\x3333333333333333333333333333333333333333', '\x4040404040404040404040404040404040404040');
INSERT INTO shop.mint_born VALUES (1337, 3, 2, '2023-11-14 22:13:23+00', '\xb7b122e75dff184c7f84c8076afbc7fee296ee8bc88c35f1584d59b4bd203faf', '\x859bf5696ef41a81e1af953d20f442a27dca33e286ea3d630b23dcad3e55d763', '\x3333333333333333333333333333333333333333', '\x4040404040404040404040404040404040404040');
INSERT INTO shop.mint_born VALUES (1337, 5, 2, '2023-11-14 22:13:25+00', '\x638fb796ccd10d8f869e62bec9702ee5b0308d8b543d97e5499edb4c06a0a095', '\xbebe087e6a40c93eaf6ab80bf77b673d236df843a2519f5f1a37bf0d069ebbde', '\x3333333333333333333333333333333333333333', '\x4242424242424242424242424242424242424242');
INSERT INTO shop.mint_born VALUES (1337, 11, 0, '2023-11-14 22:13:31+00', '\x518063d10a88bbc0e8f5471fe2386104e49e8cf39b349055c3d1ea890ee8aa84', '\xe91f1b8b14fb3abc34d361781168a0845c2541279c1c4ac231fc75b6fa2d9fb8', '\x3333333333333333333333333333333333333333', '\x4040404040404040404040404040404040404040');
INSERT INTO shop.mint_born VALUES (1337, 11, 2, '2023-11-14 22:13:31+00', '\x518063d10a88bbc0e8f5471fe2386104e49e8cf39b349055c3d1ea890ee8aa84', '\xe91f1b8b14fb3abc34d361781168a0845c2541279c1c4ac231fc75b6fa2d9fb8', '\x3333333333333333333333333333333333333333', '\x4242424242424242424242424242424242424242');
INSERT INTO shop.mint_born VALUES (1337, 12, 0, '2023-11-14 22:13:32+00', '\x109c2bd4313c6425c0523d97a3d68ab760427c5c66ebec5730b6c8c29c623aa0', '\x24a410efc375b9dd84b63145aed760782d8747b271cd51fee028beb59791e565', '\x3333333333333333333333333333333333333333', '\x4242424242424242424242424242424242424242');
INSERT INTO shop.mint_born VALUES (1337, 13, 2, '2023-11-14 22:13:33+00', '\xf90968b39ec1ba24ce7cca7dde6a9df64fd80ee7ed47fd9006c0203a2872790d', '\x6b8bf7b074f5c75954ddeca172977add551e4fb6e9cdbced8f665db619b82944', '\x3333333333333333333333333333333333333333', '\x4242424242424242424242424242424242424242');
INSERT INTO shop.mint_born VALUES (1337, 16, 2, '2023-11-14 22:13:36+00', '\x3ad2e969a2a7338b7359ea998dec4969fdfc03619630ccd36466e8027f7b7483', '\x3f2ec8d1e4ef416c6587386655935f48cb524b7fa06ebb15b9d5033adc1066c3', '\x3333333333333333333333333333333333333333', '\x4040404040404040404040404040404040404040');
INSERT INTO shop.mint_born VALUES (1337, 17, 0, '2023-11-14 22:13:37+00', '\xbe05a3b7549e5175d16c1a6d30ae0300e1c775bd4bbb27a645b864a212e73294', '\x26367df2ba03eb44b43511370c8e6476fd59a282006fd060d4574061ded5e05c', '\x3333333333333333333333333333333333333333', '\x4242424242424242424242424242424242424242');
INSERT INTO shop.mint_born VALUES (1337, 18, 0, '2023-11-14 22:13:38+00', '\x4603e4e8f66e27e0fbd16fd7286866a246d4762007b969228be21327a217f7ca', '\xdfe51cfc5d4ed4e30d84f13b268366012105fbc6efa596470ad0454de0cd0d9e', '\x3333333333333333333333333333333333333333', '\x4242424242424242424242424242424242424242');
INSERT INTO shop.mint_born VALUES (1337, 18, 5, '2023-11-14 22:13:38+00', '\x4603e4e8f66e27e0fbd16fd7286866a246d4762007b969228be21327a217f7ca', '\xdfe51cfc5d4ed4e30d84f13b268366012105fbc6efa596470ad0454de0cd0d9e', '\x3333333333333333333333333333333333333333', '\x4141414141414141414141414141414141414141');
INSERT INTO shop.mint_born VALUES (1337, 19, 1, '2023-11-14 22:13:39+00', '\x5347fbcd56179bcb4ffba1d4e7b04505b98ff93b815e82ffcc84e7dd0e8909b6', '\xb85f91852e8c95540bcbe8742a935b5099fb61ed7cb56dea7fa4216cec18d33a', '\x3333333333333333333333333333333333333333', '\x4242424242424242424242424242424242424242');
INSERT INTO shop.mint_born VALUES (1337, 25, 1, '2023-11-14 22:13:45+00', '\x05c379ce75170710990b14108f048ccf264c6ac5824dc695c7ea68d43e477375', '\x486c3acbf9e2f30c6e39b6d704e78ffffdeb7b7cfef420cebdd28550bf9e0352', '\x3333333333333333333333333333333333333333', '\x4040404040404040404040404040404040404040');
INSERT INTO shop.mint_born VALUES (1337, 29, 0, '2023-11-14 22:13:49+00', '\x8ad892831d2877f9761357b295de94d8582dd02e4fb9210b5832e81e88e5038b', '\xc722cccec40bd2c0e1637720b4ac00c6089441d009003967b4fe65dbe80487f0', '\x3333333333333333333333333333333333333333', '\x4141414141414141414141414141414141414141');
INSERT INTO shop.mint_born VALUES (1337, 32, 0, '2023-11-14 22:13:52+00', '\xdfb2122043db7c4ee66182f11dd54d47c5404f7a6793072848c1f458a19f78ab', '\xe5c1c5cc09ead4f2e0436d7b6ec04e44228d3336a99a484b7e4bbbee3b70518c', '\x3333333333333333333333333333333333333333', '\x4040404040404040404040404040404040404040');
INSERT INTO shop.mint_born VALUES (1337, 34, 1, '2023-11-14 22:13:54+00', '\xa541d18c76db6c3a2a8238d1a5c39d6136597f3387a48cc38de5a0a573da3a7e', '\x47596d6447957448f5a61bc399e6d4f996167558bdcd9e3b18aeeb7f4bf127fc', '\x3333333333333333333333333333333333333333', '\x4242424242424242424242424242424242424242');
INSERT INTO shop.mint_born VALUES (1337, 34, 2, '2023-11-14 22:13:54+00', '\xa541d18c76db6c3a2a8238d1a5c39d6136597f3387a48cc38de5a0a573da3a7e', '\x47596d6447957448f5a61bc399e6d4f996167558bdcd9e3b18aeeb7f4bf127fc', '\x3333333333333333333333333333333333333333', '\x4141414141414141414141414141414141414141');
INSERT INTO shop.mint_born VALUES (1337, 34, 5, '2023-11-14 22:13:54+00', '\xa541d18c76db6c3a2a8238d1a5c39d6136597f3387a48cc38de5a0a573da3a7e', '\x47596d6447957448f5a61bc399e6d4f996167558bdcd9e3b18aeeb7f4bf127fc', '\x3333333333333333333333333333333333333333', '\x4242424242424242424242424242424242424242');
INSERT INTO shop.mint_born VALUES (1337, 40, 0, '2023-11-14 22:14:00+00', '\xd6c6faa0829116918be30f11c9237b47e0447b101b2dc331349b1f05640eeb7e', '\x43485f81ee7893a07ac4b980fc3e2a99ea51d91d9e2875430467c06555198fb9', '\x3333333333333333333333333333333333333333', '\x4040404040404040404040404040404040404040');
INSERT INTO shop.mint_born VALUES (1337, 40, 3, '2023-11-14 22:14:00+00', '\xd6c6faa0829116918be30f11c9237b47e0447b101b2dc331349b1f05640eeb7e', '\x43485f81ee7893a07ac4b980fc3e2a99ea51d91d9e2875430467c06555198fb9', '\x3333333333333333333333333333333333333333', '\x4040404040404040404040404040404040404040');
INSERT INTO shop.mint_born VALUES (1337, 41, 0, '2023-11-14 22:14:01+00', '\x374ea43d0dd0674956b17de914248509b27d485748bf47b2c85e7f5be42142e0', '\x46c6f90619bd27959477269907360173e2f88313b7c55501f5a53b38e48e2a22', '\x3333333333333333333333333333333333333333', '\x4242424242424242424242424242424242424242');
INSERT INTO shop.mint_born VALUES (1337, 44, 1, '2023-11-14 22:14:04+00', '\xb6ff1bf61b9aca82c241388058467e7dd98bcf69b5b636f8aceb9f00667a2ea5', '\xbf481b02b523c8273e4ef5d7e759de639516d040b4b633c4f8ed63fd08178590', '\x3333333333333333333333333333333333333333', '\x4040404040404040404040404040404040404040');
INSERT INTO shop.mint_born VALUES (1337, 46, 2, '2023-11-14 22:14:06+00', '\x47ff7d2b7cc004449ac79e512b69c232c61451b20707dcdda4f3055d90e9030c', '\xe86e71a82d3fd4ea057e285a902482fb8d8919bbe554d15907efb63e529b0b72', '\x3333333333333333333333333333333333333333', '\x4040404040404040404040404040404040404040');
INSERT INTO shop.mint_born VALUES (1337, 64, 5, '2023-11-14 22:14:24+00', '\xa5d2689d8faefaa1c72f686807c45901664ce7c8311a98e04afb51054c0e2bd4', '\xcbb26f40039b96dc588adfc7d346847e78af0e7ebf51576c2fb05092d5195bbe', '\x3333333333333333333333333333333333333333', '\x4141414141414141414141414141414141414141');
INSERT INTO shop.mint_born VALUES (1337, 70, 0, '2023-11-14 22:14:30+00', '\x88976633a86c3c13112566e218547e6c0e5ec63c0d0a7774951cf5ea59d3b10e', '\xf49d2cdcfa1269ec9fc18db622d5eacb4ed7a34277d216ac7f719a6568c95435', '\x3333333333333333333333333333333333333333', '\x4040404040404040404040404040404040404040');
INSERT INTO shop.mint_born VALUES (1337, 74, 0, '2023-11-14 22:14:34+00', '\xd9963a4fba3ad2b095dd6d78b5afa6c790f74e77850d71ca1fface4ff2f6fd57', '\x65266ffd3f5345cfbbd437eba6a0e81e6f8f2fea48c5231e08caac2dc57598dc', '\x3333333333333333333333333333333333333333', '\x4141414141414141414141414141414141414141');
INSERT INTO shop.mint_born VALUES (1337, 77, 0, '2023-11-14 22:14:37+00', '\x8378fdcda85db7356b8b0817e8afe8f851611c6563d1c117d1934d0f8eee4843', '\x5a8382b5696de506e1c3ccdc9726198f60ed1ae1cd17fdc14c92836ec9b0e7f9', '\x3333333333333333333333333333333333333333', '\x4242424242424242424242424242424242424242');
INSERT INTO shop.mint_born VALUES (1337, 78, 0, '2023-11-14 22:14:38+00', '\xf0df14b0f1045b4ff4788d46595990a1cfd05ffd8b62fca38db2da13d1613095', '\x07a9ecf876b6ac3474d30dc44f870f86acd9e143d54cdb99ab66802c7029ee27', '\x3333333333333333333333333333333333333333', '\x4141414141414141414141414141414141414141');
INSERT INTO shop.mint_born VALUES (1337, 79, 1, '2023-11-14 22:14:39+00', '\x0fbd16ed85ccb795b28282b1fdd96f06890092ec4b456048f7f28f341f1a8a4f', '\x20a6c3c7d2f3b1b188c71da4af839ac626a3022900078ab14a329f154b4ceecb', '\x3333333333333333333333333333333333333333', '\x4141414141414141414141414141414141414141');
INSERT INTO shop.mint_born VALUES (1337, 81, 0, '2023-11-14 22:14:41+00', '\x622cd5449c1798757a08d6a0cc4d3906dd6b187e591a77479f7fd00fabfa280e', '\x229905f2a9f0051c7a7d206d797ac4ef5956fc026d8d581515dea81342a15ea5', '\x3333333333333333333333333333333333333333', '\x4141414141414141414141414141414141414141');
INSERT INTO shop.mint_born VALUES (1337, 81, 1, '2023-11-14 22:14:41+00', '\x622cd5449c1798757a08d6a0cc4d3906dd6b187e591a77479f7fd00fabfa280e', '\x229905f2a9f0051c7a7d206d797ac4ef5956fc026d8d581515dea81342a15ea5', '\x3333333333333333333333333333333333333333', '\x4141414141414141414141414141414141414141');
INSERT INTO shop.mint_born VALUES (1337, 83, 0, '2023-11-14 22:14:43+00', '\xe5fb9552789b16d5737151f31d62a1f81f5ba7f99386540df79eb106eab61f3c', '\x39a2daa2ef4b70347c3999589512660de79ed88db8c24db5358038a3293475bd', '\x3333333333333333333333333333333333333333', '\x4141414141414141414141414141414141414141');
INSERT INTO shop.token_transfer VALUES (1337, 1, 0, '2023-11-14 22:13:21+00', '\xb3410055bb2d0bb2b7f9880a3d13da27de83e7947074c58b5d19eedbed408e5f', '\x04c32e56f11e6340000525fff1d15bade630595de7594b2b50d3a550cfd7a303', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 1);
INSERT INTO shop.token_transfer VALUES (1337, 3, 0, '2023-11-14 22:13:23+00', '\xb7b122e75dff184c7f84c8076afbc7fee296ee8bc88c35f1584d59b4bd203faf', '\x859bf5696ef41a81e1af953d20f442a27dca33e286ea3d630b23dcad3e55d763', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 6);
INSERT INTO shop.token_transfer VALUES (1337, 3, 3, '2023-11-14 22:13:23+00', '\xb7b122e75dff184c7f84c8076afbc7fee296ee8bc88c35f1584d59b4bd203faf', '\x859bf5696ef41a81e1af953d20f442a27dca33e286ea3d630b23dcad3e55d763', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 9);
INSERT INTO shop.token_transfer VALUES (1337, 4, 1, '2023-11-14 22:13:24+00', '\xc87907a8e230310d30c8f9a082b335bb53be58f83ef31eb28a1ba33c48afc552', '\xbd4718a50b6085af38efb82bfaeaaf9804615e5ad0d520f21cf5d86225532247', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 13);
INSERT INTO shop.token_transfer VALUES (1337, 4, 3, '2023-11-14 22:13:24+00', '\xc87907a8e230310d30c8f9a082b335bb53be58f83ef31eb28a1ba33c48afc552', '\xbd4718a50b6085af38efb82bfaeaaf9804615e5ad0d520f21cf5d86225532247', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 15);
INSERT INTO shop.token_transfer VALUES (1337, 5, 0, '2023-11-14 22:13:25+00', '\x638fb796ccd10d8f869e62bec9702ee5b0308d8b543d97e5499edb4c06a0a095', '\xbebe087e6a40c93eaf6ab80bf77b673d236df843a2519f5f1a37bf0d069ebbde', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 18);
INSERT INTO shop.token_transfer VALUES (1337, 5, 4, '2023-11-14 22:13:25+00', '\x638fb796ccd10d8f869e62bec9702ee5b0308d8b543d97e5499edb4c06a0a095', '\xbebe087e6a40c93eaf6ab80bf77b673d236df843a2519f5f1a37bf0d069ebbde', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 22);
INSERT INTO shop.token_transfer VALUES (1337, 5, 5, '2023-11-14 22:13:25+00', '\x638fb796ccd10d8f869e62bec9702ee5b0308d8b543d97e5499edb4c06a0a095', '\xbebe087e6a40c93eaf6ab80bf77b673d236df843a2519f5f1a37bf0d069ebbde', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 23);
INSERT INTO shop.token_transfer VALUES (1337, 7, 0, '2023-11-14 22:13:27+00', '\x5337ecb011eed8c0744aaa477bb7f41004bc61439e6313385cf23f2ebaefe266', '\x86ce047b600c4685d6d5d1301900850aeb5cf4e52b7c822b84196bec2fcc1a81', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 24);
INSERT INTO shop.token_transfer VALUES (1337, 7, 4, '2023-11-14 22:13:27+00', '\x5337ecb011eed8c0744aaa477bb7f41004bc61439e6313385cf23f2ebaefe266', '\x86ce047b600c4685d6d5d1301900850aeb5cf4e52b7c822b84196bec2fcc1a81', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 28);
INSERT INTO shop.token_transfer VALUES (1337, 9, 0, '2023-11-14 22:13:29+00', '\x121b12092ff19bf548a2344faad4367617037ebd1caab52fe940484e8765a510', '\xfac5296bfb810949389c58eb15dcd072ae03f8dbfa86d55ab017afff0a896987', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 30);
INSERT INTO shop.token_transfer VALUES (1337, 11, 3, '2023-11-14 22:13:31+00', '\x518063d10a88bbc0e8f5471fe2386104e49e8cf39b349055c3d1ea890ee8aa84', '\xe91f1b8b14fb3abc34d361781168a0845c2541279c1c4ac231fc75b6fa2d9fb8', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 34);
INSERT INTO shop.token_transfer VALUES (1337, 11, 4, '2023-11-14 22:13:31+00', '\x518063d10a88bbc0e8f5471fe2386104e49e8cf39b349055c3d1ea890ee8aa84', '\xe91f1b8b14fb3abc34d361781168a0845c2541279c1c4ac231fc75b6fa2d9fb8', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 35);
INSERT INTO shop.token_transfer VALUES (1337, 11, 5, '2023-11-14 22:13:31+00', '\x518063d10a88bbc0e8f5471fe2386104e49e8cf39b349055c3d1ea890ee8aa84', '\xe91f1b8b14fb3abc34d361781168a0845c2541279c1c4ac231fc75b6fa2d9fb8', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 36);
INSERT INTO shop.token_transfer VALUES (1337, 13, 1, '2023-11-14 22:13:33+00', '\xf90968b39ec1ba24ce7cca7dde6a9df64fd80ee7ed47fd9006c0203a2872790d', '\x6b8bf7b074f5c75954ddeca172977add551e4fb6e9cdbced8f665db619b82944', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 40);
INSERT INTO shop.token_transfer VALUES (1337, 13, 3, '2023-11-14 22:13:33+00', '\xf90968b39ec1ba24ce7cca7dde6a9df64fd80ee7ed47fd9006c0203a2872790d', '\x6b8bf7b074f5c75954ddeca172977add551e4fb6e9cdbced8f665db619b82944', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 42);
INSERT INTO shop.token_transfer VALUES (1337, 15, 2, '2023-11-14 22:13:35+00', '\xabca4371cfe6f007541f56be6ba0e0401eb0b1bddf4db77d34ac7a5f60d291dd', '\x82d41dc196002e828167759185b7871da5d84d25ac36d69ffc89560129c74998', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 47);
INSERT INTO shop.token_transfer VALUES (1337, 16, 1, '2023-11-14 22:13:36+00', '\x3ad2e969a2a7338b7359ea998dec4969fdfc03619630ccd36466e8027f7b7483', '\x3f2ec8d1e4ef416c6587386655935f48cb524b7fa06ebb15b9d5033adc1066c3', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 52);
INSERT INTO shop.token_transfer VALUES (1337, 18, 1, '2023-11-14 22:13:38+00', '\x4603e4e8f66e27e0fbd16fd7286866a246d4762007b969228be21327a217f7ca', '\xdfe51cfc5d4ed4e30d84f13b268366012105fbc6efa596470ad0454de0cd0d9e', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 56);
INSERT INTO shop.token_transfer VALUES (1337, 18, 3, '2023-11-14 22:13:38+00', '\x4603e4e8f66e27e0fbd16fd7286866a246d4762007b969228be21327a217f7ca', '\xdfe51cfc5d4ed4e30d84f13b268366012105fbc6efa596470ad0454de0cd0d9e', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 58);
INSERT INTO shop.token_transfer VALUES (1337, 18, 4, '2023-11-14 22:13:38+00', '\x4603e4e8f66e27e0fbd16fd7286866a246d4762007b969228be21327a217f7ca', '\xdfe51cfc5d4ed4e30d84f13b268366012105fbc6efa596470ad0454de0cd0d9e', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 59);
INSERT INTO shop.token_transfer VALUES (1337, 19, 4, '2023-11-14 22:13:39+00', '\x5347fbcd56179bcb4ffba1d4e7b04505b98ff93b815e82ffcc84e7dd0e8909b6', '\xb85f91852e8c95540bcbe8742a935b5099fb61ed7cb56dea7fa4216cec18d33a', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 65);
INSERT INTO shop.token_transfer VALUES (1337, 19, 5, '2023-11-14 22:13:39+00', '\x5347fbcd56179bcb4ffba1d4e7b04505b98ff93b815e82ffcc84e7dd0e8909b6', '\xb85f91852e8c95540bcbe8742a935b5099fb61ed7cb56dea7fa4216cec18d33a', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 66);
INSERT INTO shop.token_transfer VALUES (1337, 24, 0, '2023-11-14 22:13:44+00', '\xea6c8aafa034570c920103ac943dab67f89d0b8feb374724a5a52271e99d89f0', '\x3a7bb92737f667d6597c7a482db1db930ae865b74c15c4b7201b365e64d73e24', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 67);
INSERT INTO shop.token_transfer VALUES (1337, 24, 1, '2023-11-14 22:13:44+00', '\xea6c8aafa034570c920103ac943dab67f89d0b8feb374724a5a52271e99d89f0', '\x3a7bb92737f667d6597c7a482db1db930ae865b74c15c4b7201b365e64d73e24', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 68);
INSERT INTO shop.token_transfer VALUES (1337, 25, 2, '2023-11-14 22:13:45+00', '\x05c379ce75170710990b14108f048ccf264c6ac5824dc695c7ea68d43e477375', '\x486c3acbf9e2f30c6e39b6d704e78ffffdeb7b7cfef420cebdd28550bf9e0352', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 71);
INSERT INTO shop.token_transfer VALUES (1337, 28, 1, '2023-11-14 22:13:48+00', '\xb7fb3b52c5fff59d880e523fb2ca75143e96bf24d4897bbfe7409f2f936e662a', '\x81211e93a223d4583376f59596c8b59e49c01c1bc557d58cd1962b5f435e3773', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 75);
INSERT INTO shop.token_transfer VALUES (1337, 29, 2, '2023-11-14 22:13:49+00', '\x8ad892831d2877f9761357b295de94d8582dd02e4fb9210b5832e81e88e5038b', '\xc722cccec40bd2c0e1637720b4ac00c6089441d009003967b4fe65dbe80487f0', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 78);
INSERT INTO shop.token_transfer VALUES (1337, 31, 0, '2023-11-14 22:13:51+00', '\x2027a4613558af36a06f11d4b23e9a88a1d4e1e5bc5394b58dc60b0fcc7e235b', '\xcf0178c10bdd267e422606ea5a9eb095b01249fdc696b6716066b3fc4b62ab30', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 79);
INSERT INTO shop.token_transfer VALUES (1337, 31, 1, '2023-11-14 22:13:51+00', '\x2027a4613558af36a06f11d4b23e9a88a1d4e1e5bc5394b58dc60b0fcc7e235b', '\xcf0178c10bdd267e422606ea5a9eb095b01249fdc696b6716066b3fc4b62ab30', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 80);
INSERT INTO shop.token_transfer VALUES (1337, 32, 2, '2023-11-14 22:13:52+00', '\xdfb2122043db7c4ee66182f11dd54d47c5404f7a6793072848c1f458a19f78ab', '\xe5c1c5cc09ead4f2e0436d7b6ec04e44228d3336a99a484b7e4bbbee3b70518c', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 84);
INSERT INTO shop.token_transfer VALUES (1337, 32, 5, '2023-11-14 22:13:52+00', '\xdfb2122043db7c4ee66182f11dd54d47c5404f7a6793072848c1f458a19f78ab', '\xe5c1c5cc09ead4f2e0436d7b6ec04e44228d3336a99a484b7e4bbbee3b70518c', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 87);
INSERT INTO shop.token_transfer VALUES (1337, 33, 1, '2023-11-14 22:13:53+00', '\x6c11e6febe4a519a32f919a49d88775bdaf9e77de2249199b6dc3dd048a84ace', '\x2ad764a4f9cfe2e6105ee004cb765708e6b9e6f8ed58805b2724fe84147c4ef2', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 89);
INSERT INTO shop.token_transfer VALUES (1337, 34, 4, '2023-11-14 22:13:54+00', '\xa541d18c76db6c3a2a8238d1a5c39d6136597f3387a48cc38de5a0a573da3a7e', '\x47596d6447957448f5a61bc399e6d4f996167558bdcd9e3b18aeeb7f4bf127fc', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 98);
INSERT INTO shop.token_transfer VALUES (1337, 35, 0, '2023-11-14 22:13:55+00', '\x9975dfa436e02c3514bd18eefecfa9c6621a58dcb0c50461d9d86cea8968ccbb', '\x49d01cf91c202c4d650d07e52b6d526fef347a7fb8541efe7c2c62d6b4f9b89d', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 100);
INSERT INTO shop.token_transfer VALUES (1337, 35, 1, '2023-11-14 22:13:55+00', '\x9975dfa436e02c3514bd18eefecfa9c6621a58dcb0c50461d9d86cea8968ccbb', '\x49d01cf91c202c4d650d07e52b6d526fef347a7fb8541efe7c2c62d6b4f9b89d', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 101);
INSERT INTO shop.token_transfer VALUES (1337, 38, 1, '2023-11-14 22:13:58+00', '\x4f7b7d79079d27431fd569ea689c847b83fd7a142dc9897e42db97832c968369', '\x7c7ec1932d7c4eec0e9e341799ebd48a56772b178eae2e9ea7e339adf5ce68e1', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 104);
INSERT INTO shop.token_transfer VALUES (1337, 40, 4, '2023-11-14 22:14:00+00', '\xd6c6faa0829116918be30f11c9237b47e0447b101b2dc331349b1f05640eeb7e', '\x43485f81ee7893a07ac4b980fc3e2a99ea51d91d9e2875430467c06555198fb9', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 112);
INSERT INTO shop.token_transfer VALUES (1337, 41, 1, '2023-11-14 22:14:01+00', '\x374ea43d0dd0674956b17de914248509b27d485748bf47b2c85e7f5be42142e0', '\x46c6f90619bd27959477269907360173e2f88313b7c55501f5a53b38e48e2a22', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 115);
INSERT INTO shop.token_transfer VALUES (1337, 42, 0, '2023-11-14 22:14:02+00', '\x05ee90030ebf35c42eefdc5ee0e96c1348f4703ec56d371c70a5e653b2217bd8', '\x18cbc3a6875f0ada6d804c2d0502e468c5d60e056d99523ee3b28524b30f1619', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 117);
INSERT INTO shop.token_transfer VALUES (1337, 44, 2, '2023-11-14 22:14:04+00', '\xb6ff1bf61b9aca82c241388058467e7dd98bcf69b5b636f8aceb9f00667a2ea5', '\xbf481b02b523c8273e4ef5d7e759de639516d040b4b633c4f8ed63fd08178590', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 122);
INSERT INTO shop.token_transfer VALUES (1337, 48, 1, '2023-11-14 22:14:08+00', '\x99bcc1a9e7ea7ea09857c1129ea1ad571b7e896ccf521151ae7dd600ef3685bc', '\xf5887fe6ec960717db3e4da3239edb273cc5dcbce31803ea972c4e75071c4597', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 127);
INSERT INTO shop.token_transfer VALUES (1337, 48, 2, '2023-11-14 22:14:08+00', '\x99bcc1a9e7ea7ea09857c1129ea1ad571b7e896ccf521151ae7dd600ef3685bc', '\xf5887fe6ec960717db3e4da3239edb273cc5dcbce31803ea972c4e75071c4597', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 128);
INSERT INTO shop.token_transfer VALUES (1337, 49, 0, '2023-11-14 22:14:09+00', '\x32a29325ff6a4ee14ba4c7f01001d5da68b069dabad8825533ceb02996ca2cd4', '\x2773edd0c640fed90b39685041c454d3ecc05a1d092a0ca6b586e0cf07377083', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 129);
INSERT INTO shop.token_transfer VALUES (1337, 50, 0, '2023-11-14 22:14:10+00', '\x7e5779382d17bf992e1586b564ad23bd08e5f40310dad8bcff5949d4fa9ba823', '\x30e38ecc444dc807c64574a963decda653dafd62e6644b9dd66d8824f89446b9', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 130);
INSERT INTO shop.token_transfer VALUES (1337, 57, 1, '2023-11-14 22:14:17+00', '\xba90beb754a3b5ef94bf3124945ee9365e95066aa18c6680ac848bb996c24ab3', '\xdb97c4f20f7b096a2c01ccf28b95508356e44c5c3f4bd96a59f3f29ca978ad9c', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 140);
INSERT INTO shop.token_transfer VALUES (1337, 61, 0, '2023-11-14 22:14:21+00', '\x4fc97dc2aa2aec6f11aa3f4d602a1fd3d7d291f8c3c41943cc9b7f7c04e9c02e', '\xdec3c631f6504d09d090778de1e615b45d6f7590765355e8ce9d212245b2a7df', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 142);
INSERT INTO shop.token_transfer VALUES (1337, 63, 0, '2023-11-14 22:14:23+00', '\x543cf86f4e50e80425e0b1321a2f6f9d925f9d4c6e0f518ed422690848c9b328', '\x035ce806ea153e98ab8d1ac92a48ae10e781d5c915c3435f0ffab3bf771a0f01', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 143);
INSERT INTO shop.token_transfer VALUES (1337, 63, 1, '2023-11-14 22:14:23+00', '\x543cf86f4e50e80425e0b1321a2f6f9d925f9d4c6e0f518ed422690848c9b328', '\x035ce806ea153e98ab8d1ac92a48ae10e781d5c915c3435f0ffab3bf771a0f01', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 144);
INSERT INTO shop.token_transfer VALUES (1337, 65, 4, '2023-11-14 22:14:25+00', '\x126b77e97486cf64f5426a3fbcd71983ee320f6b356271a404d23c8a1e94c4d8', '\x20bde5921e093603bd05c3f8243d9d0f4c3e96b65cd5cad0d3ad10076613cc29', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 155);
INSERT INTO shop.token_transfer VALUES (1337, 67, 0, '2023-11-14 22:14:27+00', '\x64f32a7183ce3b2f1d95fa9e0ba7f8a7b844645402e127ae3e98dbd26deff59f', '\x0dee41417abfbb5bcf1a546f9fdbd47ac5f1bd3b181f519c4a49dda55133ec86', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 157);
INSERT INTO shop.token_transfer VALUES (1337, 69, 3, '2023-11-14 22:14:29+00', '\xa7e781f7e183948443774023496771cbd6efc4b3a5fa1a6e0df6cb2e00e93707', '\xfcaa908032c27a1c0b03ad7ec894342a7736c0e4c8b24a55c6dfc381f7e758a8', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 161);
INSERT INTO shop.token_transfer VALUES (1337, 71, 1, '2023-11-14 22:14:31+00', '\x5f7929f3f5f33b2febce254152d81edb33a461cef7a52091ed52a5c2c44603ab', '\xdbefd2e554d6c9b6fd6823e1972391fd3b948a3f5731193961ed7f2c98fdd45f', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 166);
INSERT INTO shop.token_transfer VALUES (1337, 74, 1, '2023-11-14 22:14:34+00', '\xd9963a4fba3ad2b095dd6d78b5afa6c790f74e77850d71ca1fface4ff2f6fd57', '\x65266ffd3f5345cfbbd437eba6a0e81e6f8f2fea48c5231e08caac2dc57598dc', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 170);
INSERT INTO shop.token_transfer VALUES (1337, 74, 3, '2023-11-14 22:14:34+00', '\xd9963a4fba3ad2b095dd6d78b5afa6c790f74e77850d71ca1fface4ff2f6fd57', '\x65266ffd3f5345cfbbd437eba6a0e81e6f8f2fea48c5231e08caac2dc57598dc', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 172);
INSERT INTO shop.token_transfer VALUES (1337, 74, 5, '2023-11-14 22:14:34+00', '\xd9963a4fba3ad2b095dd6d78b5afa6c790f74e77850d71ca1fface4ff2f6fd57', '\x65266ffd3f5345cfbbd437eba6a0e81e6f8f2fea48c5231e08caac2dc57598dc', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 174);
INSERT INTO shop.token_transfer VALUES (1337, 77, 1, '2023-11-14 22:14:37+00', '\x8378fdcda85db7356b8b0817e8afe8f851611c6563d1c117d1934d0f8eee4843', '\x5a8382b5696de506e1c3ccdc9726198f60ed1ae1cd17fdc14c92836ec9b0e7f9', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 178);
INSERT INTO shop.token_transfer VALUES (1337, 77, 2, '2023-11-14 22:14:37+00', '\x8378fdcda85db7356b8b0817e8afe8f851611c6563d1c117d1934d0f8eee4843', '\x5a8382b5696de506e1c3ccdc9726198f60ed1ae1cd17fdc14c92836ec9b0e7f9', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 179);
INSERT INTO shop.token_transfer VALUES (1337, 78, 1, '2023-11-14 22:14:38+00', '\xf0df14b0f1045b4ff4788d46595990a1cfd05ffd8b62fca38db2da13d1613095', '\x07a9ecf876b6ac3474d30dc44f870f86acd9e143d54cdb99ab66802c7029ee27', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 181);
INSERT INTO shop.token_transfer VALUES (1337, 78, 3, '2023-11-14 22:14:38+00', '\xf0df14b0f1045b4ff4788d46595990a1cfd05ffd8b62fca38db2da13d1613095', '\x07a9ecf876b6ac3474d30dc44f870f86acd9e143d54cdb99ab66802c7029ee27', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 183);
INSERT INTO shop.token_transfer VALUES (1337, 78, 5, '2023-11-14 22:14:38+00', '\xf0df14b0f1045b4ff4788d46595990a1cfd05ffd8b62fca38db2da13d1613095', '\x07a9ecf876b6ac3474d30dc44f870f86acd9e143d54cdb99ab66802c7029ee27', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 185);
INSERT INTO shop.token_transfer VALUES (1337, 79, 3, '2023-11-14 22:14:39+00', '\x0fbd16ed85ccb795b28282b1fdd96f06890092ec4b456048f7f28f341f1a8a4f', '\x20a6c3c7d2f3b1b188c71da4af839ac626a3022900078ab14a329f154b4ceecb', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 189);
INSERT INTO shop.token_transfer VALUES (1337, 82, 0, '2023-11-14 22:14:42+00', '\x954f2c0ac972b9350d331d492a0036006a6a2725cf3d770d6bd41f38d59096c7', '\x0fcd7ddd562c2f78146174834be546341a3ae5035c633efc17e77ce8e47c55e6', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 195);
INSERT INTO shop.token_transfer VALUES (1337, 82, 2, '2023-11-14 22:14:42+00', '\x954f2c0ac972b9350d331d492a0036006a6a2725cf3d770d6bd41f38d59096c7', '\x0fcd7ddd562c2f78146174834be546341a3ae5035c633efc17e77ce8e47c55e6', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 197);
INSERT INTO shop.token_transfer VALUES (1337, 82, 4, '2023-11-14 22:14:42+00', '\x954f2c0ac972b9350d331d492a0036006a6a2725cf3d770d6bd41f38d59096c7', '\x0fcd7ddd562c2f78146174834be546341a3ae5035c633efc17e77ce8e47c55e6', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 199);
INSERT INTO shop.token_transfer VALUES (1337, 84, 0, '2023-11-14 22:14:44+00', '\x18dce9bd80257fa14772e4dec5f2f58dfa4cc31ace596e6bae112cc002f75f2b', '\xa11b2933ef4464409def4f44a60861f1761f01b511451e6305fc2fa28dafae43', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 202);
INSERT INTO shop.token_transfer VALUES (1337, 88, 0, '2023-11-14 22:14:48+00', '\x4a672c735d3d02b06e81a6db080b504c39bc2ce1dac9e8bde4d24fafa1a294e9', '\x3eb9e5f00c05ea0accf81ebc193ef51b8ebfec137158f28d49d4cb0f14d082af', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 204);
INSERT INTO shop.token_transfer VALUES (1337, 88, 4, '2023-11-14 22:14:48+00', '\x4a672c735d3d02b06e81a6db080b504c39bc2ce1dac9e8bde4d24fafa1a294e9', '\x3eb9e5f00c05ea0accf81ebc193ef51b8ebfec137158f28d49d4cb0f14d082af', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 208);
INSERT INTO shop.token_transfer VALUES (1337, 88, 5, '2023-11-14 22:14:48+00', '\x4a672c735d3d02b06e81a6db080b504c39bc2ce1dac9e8bde4d24fafa1a294e9', '\x3eb9e5f00c05ea0accf81ebc193ef51b8ebfec137158f28d49d4cb0f14d082af', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 209);
INSERT INTO shop.token_transfer VALUES (1337, 90, 0, '2023-11-14 22:14:50+00', '\xd31bf4bd35848f7c2d1fff49cfd1533392b01a70e6e6eff16eafd1d7275a7511', '\x182cc8a3a47f7346b4c8197caf1754e31866fd6129144c561ffc5f900570b538', '\x1111111111111111111111111111111111111111', '\x0000000000000000000000000000000000000001', '\x0000000000000000000000000000000000000002', 210);
INSERT INTO usdx.alert_acknowledgements OVERRIDING SYSTEM VALUE VALUES (1, 'abc', '2026-01-01 00:00:00+00', 'ada', 'on it', '2026-01-01 00:00:00+00');
INSERT INTO usdx.alert_notifications VALUES ('abc', '2026-01-01 00:00:00+00', 'firing', NULL, 'IndexerStalled', 'critical', 'indexer', '{"alertname": "IndexerStalled"}', '{"summary": "it stands"}', '', 'default', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', 1);
INSERT INTO usdx.backups VALUES ('postgres', '2026-01-01 00:00:00+00', 'usdx.dump', 1, 1, 1, 1);
INSERT INTO usdx.chains VALUES ('fake', 1337, '\xb067f426e6f7d12438c41f459dc2e845ccc92512e1836a7b3c219f5a61beb71f');
INSERT INTO usdx.checkpoints VALUES ('shop/desk', 82, '\x954f2c0ac972b9350d331d492a0036006a6a2725cf3d770d6bd41f38d59096c7');
INSERT INTO usdx.checkpoints VALUES ('shop/item', 82, '\x954f2c0ac972b9350d331d492a0036006a6a2725cf3d770d6bd41f38d59096c7');
INSERT INTO usdx.checkpoints VALUES ('shop/mint', 82, '\x954f2c0ac972b9350d331d492a0036006a6a2725cf3d770d6bd41f38d59096c7');
INSERT INTO usdx.checkpoints VALUES ('shop/token', 82, '\x954f2c0ac972b9350d331d492a0036006a6a2725cf3d770d6bd41f38d59096c7');
INSERT INTO usdx.checkpoints VALUES ('shop/desk', 83, '\xe5fb9552789b16d5737151f31d62a1f81f5ba7f99386540df79eb106eab61f3c');
INSERT INTO usdx.checkpoints VALUES ('shop/desk', 84, '\x18dce9bd80257fa14772e4dec5f2f58dfa4cc31ace596e6bae112cc002f75f2b');
INSERT INTO usdx.checkpoints VALUES ('shop/desk', 85, '\xb7aee77b1a2cdbae3d4910976051d2f318199440376b8240a356134c6468a789');
INSERT INTO usdx.checkpoints VALUES ('shop/desk', 86, '\x0061bbb60118b2e31fbdb8a14d6469a89b535ffb758f67243d84cf82c8d69e9f');
INSERT INTO usdx.checkpoints VALUES ('shop/desk', 87, '\x6ee1f100ee993ad40f6f6d52c1c869c70aa4d841367b3c85869f81f738d5daf7');
INSERT INTO usdx.checkpoints VALUES ('shop/desk', 88, '\x4a672c735d3d02b06e81a6db080b504c39bc2ce1dac9e8bde4d24fafa1a294e9');
INSERT INTO usdx.checkpoints VALUES ('shop/desk', 89, '\x2403c4feb7d0982ae8cb0b7718984336a70cf5cb315f18ddd26c14405aa5c9c9');
INSERT INTO usdx.checkpoints VALUES ('shop/desk', 90, '\xd31bf4bd35848f7c2d1fff49cfd1533392b01a70e6e6eff16eafd1d7275a7511');
INSERT INTO usdx.checkpoints VALUES ('shop/item', 83, '\xe5fb9552789b16d5737151f31d62a1f81f5ba7f99386540df79eb106eab61f3c');
INSERT INTO usdx.checkpoints VALUES ('shop/item', 84, '\x18dce9bd80257fa14772e4dec5f2f58dfa4cc31ace596e6bae112cc002f75f2b');
INSERT INTO usdx.checkpoints VALUES ('shop/item', 85, '\xb7aee77b1a2cdbae3d4910976051d2f318199440376b8240a356134c6468a789');
INSERT INTO usdx.checkpoints VALUES ('shop/item', 86, '\x0061bbb60118b2e31fbdb8a14d6469a89b535ffb758f67243d84cf82c8d69e9f');
INSERT INTO usdx.checkpoints VALUES ('shop/item', 87, '\x6ee1f100ee993ad40f6f6d52c1c869c70aa4d841367b3c85869f81f738d5daf7');
INSERT INTO usdx.checkpoints VALUES ('shop/item', 88, '\x4a672c735d3d02b06e81a6db080b504c39bc2ce1dac9e8bde4d24fafa1a294e9');
INSERT INTO usdx.checkpoints VALUES ('shop/item', 89, '\x2403c4feb7d0982ae8cb0b7718984336a70cf5cb315f18ddd26c14405aa5c9c9');
INSERT INTO usdx.checkpoints VALUES ('shop/item', 90, '\xd31bf4bd35848f7c2d1fff49cfd1533392b01a70e6e6eff16eafd1d7275a7511');
INSERT INTO usdx.checkpoints VALUES ('shop/mint', 83, '\xe5fb9552789b16d5737151f31d62a1f81f5ba7f99386540df79eb106eab61f3c');
INSERT INTO usdx.checkpoints VALUES ('shop/mint', 84, '\x18dce9bd80257fa14772e4dec5f2f58dfa4cc31ace596e6bae112cc002f75f2b');
INSERT INTO usdx.checkpoints VALUES ('shop/mint', 85, '\xb7aee77b1a2cdbae3d4910976051d2f318199440376b8240a356134c6468a789');
INSERT INTO usdx.checkpoints VALUES ('shop/mint', 86, '\x0061bbb60118b2e31fbdb8a14d6469a89b535ffb758f67243d84cf82c8d69e9f');
INSERT INTO usdx.checkpoints VALUES ('shop/mint', 87, '\x6ee1f100ee993ad40f6f6d52c1c869c70aa4d841367b3c85869f81f738d5daf7');
INSERT INTO usdx.checkpoints VALUES ('shop/mint', 88, '\x4a672c735d3d02b06e81a6db080b504c39bc2ce1dac9e8bde4d24fafa1a294e9');
INSERT INTO usdx.checkpoints VALUES ('shop/mint', 89, '\x2403c4feb7d0982ae8cb0b7718984336a70cf5cb315f18ddd26c14405aa5c9c9');
INSERT INTO usdx.checkpoints VALUES ('shop/mint', 90, '\xd31bf4bd35848f7c2d1fff49cfd1533392b01a70e6e6eff16eafd1d7275a7511');
INSERT INTO usdx.checkpoints VALUES ('shop/token', 83, '\xe5fb9552789b16d5737151f31d62a1f81f5ba7f99386540df79eb106eab61f3c');
INSERT INTO usdx.checkpoints VALUES ('shop/token', 84, '\x18dce9bd80257fa14772e4dec5f2f58dfa4cc31ace596e6bae112cc002f75f2b');
INSERT INTO usdx.checkpoints VALUES ('shop/token', 85, '\xb7aee77b1a2cdbae3d4910976051d2f318199440376b8240a356134c6468a789');
INSERT INTO usdx.checkpoints VALUES ('shop/token', 86, '\x0061bbb60118b2e31fbdb8a14d6469a89b535ffb758f67243d84cf82c8d69e9f');
INSERT INTO usdx.checkpoints VALUES ('shop/token', 87, '\x6ee1f100ee993ad40f6f6d52c1c869c70aa4d841367b3c85869f81f738d5daf7');
INSERT INTO usdx.checkpoints VALUES ('shop/token', 88, '\x4a672c735d3d02b06e81a6db080b504c39bc2ce1dac9e8bde4d24fafa1a294e9');
INSERT INTO usdx.checkpoints VALUES ('shop/token', 89, '\x2403c4feb7d0982ae8cb0b7718984336a70cf5cb315f18ddd26c14405aa5c9c9');
INSERT INTO usdx.checkpoints VALUES ('shop/token', 90, '\xd31bf4bd35848f7c2d1fff49cfd1533392b01a70e6e6eff16eafd1d7275a7511');
INSERT INTO usdx.coverage VALUES ('shop/token', 1, 40, 'bloom', 7, '\x00', 0, false, '2026-01-01 00:00:00+00');
INSERT INTO usdx.cumulatives VALUES ('pool', 1767225600, 12345678901234567890);
INSERT INTO usdx.cursors VALUES ('shop/token', 'fake', 1, 90, '\xd31bf4bd35848f7c2d1fff49cfd1533392b01a70e6e6eff16eafd1d7275a7511', '2023-11-14 22:14:50+00', 82, '2026-11-23 19:41:55.224762+00');
INSERT INTO usdx.cursors VALUES ('shop/desk', 'fake', 5, 90, '\xd31bf4bd35848f7c2d1fff49cfd1533392b01a70e6e6eff16eafd1d7275a7511', '2023-11-14 22:14:50+00', 82, '2026-11-23 19:41:55.224762+00');
INSERT INTO usdx.cursors VALUES ('shop/mint', 'fake', 1, 90, '\xd31bf4bd35848f7c2d1fff49cfd1533392b01a70e6e6eff16eafd1d7275a7511', '2023-11-14 22:14:50+00', 82, '2026-11-23 19:41:55.224762+00');
INSERT INTO usdx.cursors VALUES ('shop/item', 'fake', 1, 90, '\xd31bf4bd35848f7c2d1fff49cfd1533392b01a70e6e6eff16eafd1d7275a7511', '2023-11-14 22:14:50+00', 82, '2026-11-23 19:41:55.224762+00');
INSERT INTO usdx.feeds VALUES ('ETH/USD', 'ETH', 'USD', true, 60, true);
INSERT INTO usdx.figure_refreshes VALUES ('supply', '2026-01-01 00:00:00+00', 0.01);
INSERT INTO usdx.figures VALUES ('supply', '2026-01-01 00:00:00+00', '{a}', 17);
INSERT INTO usdx.manual_prices OVERRIDING SYSTEM VALUE VALUES (1, 'ETH/USD', 2999, '2026-01-01 00:00:00+00', '2026-01-02 00:00:00+00', 'ada', 'venues were down');
INSERT INTO usdx.migrations VALUES (1, '001_indexer', '63eb8454ecec827b61076aeeaf50236625b7a649e5e8bc0cf0495b4d37fe798a', '2026-11-23 19:41:52.6265+00');
INSERT INTO usdx.migrations VALUES (2, '002_oracle', '64f499e5c0d4f6811424dff5836ef060a7c737b5a03db3fd4ea4fb7a0ed339d6', '2026-11-23 19:41:52.646248+00');
INSERT INTO usdx.migrations VALUES (3, '003_alerts', 'bfdb42b0d4872335764faa659367865cdf99fae8786ce314adde8e7540c25f4d', '2026-11-23 19:41:52.655728+00');
INSERT INTO usdx.migrations VALUES (4, '004_figures', '2b1b6885c8b17ecf141191a3cd056d1008d435ad03fa55bb05af500e917a4119', '2026-11-23 19:41:52.661576+00');
INSERT INTO usdx.migrations VALUES (5, '005_backups', 'd5ef5b29cc596860762356a5b4cab43212819afa548abe0b6370aa886b30459c', '2026-11-23 19:41:52.663856+00');
INSERT INTO usdx.migrations VALUES (6, '006_readable', 'd286255ed5d7a70920f5b71c069b32bd2e7eb0794c230aae56de9f3b323ca5a0', '2026-11-23 19:41:52.665908+00');
INSERT INTO usdx.observations_20260101 VALUES ('ETH/USD', '2026-01-01 12:00:00+00', 'fresh', 3000.5, NULL, NULL, 12, 0.9, 3, 1, '{cex}', '2026-01-01 11:59:58+00', true, 0.2, '{"rule": "median"}');
INSERT INTO usdx.quotes_20260101 VALUES ('ETH/USD', '2026-01-01 12:00:00+00', 'kraken', 'ETH/USD', 3000.5, NULL, NULL, '2026-01-01 11:59:58+00', 2, NULL, NULL, NULL, NULL, NULL, NULL, 'used', NULL, NULL, 3000.5, 0.1);
INSERT INTO usdx.scopes VALUES ('shop/token', '\x1111111111111111111111111111111111111111', 'Transfer(address,address,uint256) [0,1]');
INSERT INTO usdx.scopes VALUES ('shop/desk', '\x2222222222222222222222222222222222222222', 'Note(string,uint64) []');
INSERT INTO usdx.scopes VALUES ('shop/mint', '\x3333333333333333333333333333333333333333', 'Born(address) [0]');
INSERT INTO usdx.scopes VALUES ('shop/item', '\x', 'Note(string,uint64) []');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 3, 1, '2023-11-14 22:13:23+00', '\xb7b122e75dff184c7f84c8076afbc7fee296ee8bc88c35f1584d59b4bd203faf', '\x859bf5696ef41a81e1af953d20f442a27dca33e286ea3d630b23dcad3e55d763', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 11, 1, '2023-11-14 22:13:31+00', '\x518063d10a88bbc0e8f5471fe2386104e49e8cf39b349055c3d1ea890ee8aa84', '\xe91f1b8b14fb3abc34d361781168a0845c2541279c1c4ac231fc75b6fa2d9fb8', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 13, 5, '2023-11-14 22:13:33+00', '\xf90968b39ec1ba24ce7cca7dde6a9df64fd80ee7ed47fd9006c0203a2872790d', '\x6b8bf7b074f5c75954ddeca172977add551e4fb6e9cdbced8f665db619b82944', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 15, 1, '2023-11-14 22:13:35+00', '\xabca4371cfe6f007541f56be6ba0e0401eb0b1bddf4db77d34ac7a5f60d291dd', '\x82d41dc196002e828167759185b7871da5d84d25ac36d69ffc89560129c74998', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 15, 3, '2023-11-14 22:13:35+00', '\xabca4371cfe6f007541f56be6ba0e0401eb0b1bddf4db77d34ac7a5f60d291dd', '\x82d41dc196002e828167759185b7871da5d84d25ac36d69ffc89560129c74998', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 15, 4, '2023-11-14 22:13:35+00', '\xabca4371cfe6f007541f56be6ba0e0401eb0b1bddf4db77d34ac7a5f60d291dd', '\x82d41dc196002e828167759185b7871da5d84d25ac36d69ffc89560129c74998', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 19, 3, '2023-11-14 22:13:39+00', '\x5347fbcd56179bcb4ffba1d4e7b04505b98ff93b815e82ffcc84e7dd0e8909b6', '\xb85f91852e8c95540bcbe8742a935b5099fb61ed7cb56dea7fa4216cec18d33a', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 27, 0, '2023-11-14 22:13:47+00', '\xf3e4c3f1c9ad47e482b808e777ece58b492a8180328f264977ad74329221c9fd', '\xb585c21006b833a67e0dae272922bdc17c09de1799f3d64d30d41dfd4ecf4fea', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 28, 0, '2023-11-14 22:13:48+00', '\xb7fb3b52c5fff59d880e523fb2ca75143e96bf24d4897bbfe7409f2f936e662a', '\x81211e93a223d4583376f59596c8b59e49c01c1bc557d58cd1962b5f435e3773', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 32, 3, '2023-11-14 22:13:52+00', '\xdfb2122043db7c4ee66182f11dd54d47c5404f7a6793072848c1f458a19f78ab', '\xe5c1c5cc09ead4f2e0436d7b6ec04e44228d3336a99a484b7e4bbbee3b70518c', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 32, 4, '2023-11-14 22:13:52+00', '\xdfb2122043db7c4ee66182f11dd54d47c5404f7a6793072848c1f458a19f78ab', '\xe5c1c5cc09ead4f2e0436d7b6ec04e44228d3336a99a484b7e4bbbee3b70518c', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 34, 3, '2023-11-14 22:13:54+00', '\xa541d18c76db6c3a2a8238d1a5c39d6136597f3387a48cc38de5a0a573da3a7e', '\x47596d6447957448f5a61bc399e6d4f996167558bdcd9e3b18aeeb7f4bf127fc', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 44, 0, '2023-11-14 22:14:04+00', '\xb6ff1bf61b9aca82c241388058467e7dd98bcf69b5b636f8aceb9f00667a2ea5', '\xbf481b02b523c8273e4ef5d7e759de639516d040b4b633c4f8ed63fd08178590', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 46, 1, '2023-11-14 22:14:06+00', '\x47ff7d2b7cc004449ac79e512b69c232c61451b20707dcdda4f3055d90e9030c', '\xe86e71a82d3fd4ea057e285a902482fb8d8919bbe554d15907efb63e529b0b72', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 48, 0, '2023-11-14 22:14:08+00', '\x99bcc1a9e7ea7ea09857c1129ea1ad571b7e896ccf521151ae7dd600ef3685bc', '\xf5887fe6ec960717db3e4da3239edb273cc5dcbce31803ea972c4e75071c4597', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 50, 5, '2023-11-14 22:14:10+00', '\x7e5779382d17bf992e1586b564ad23bd08e5f40310dad8bcff5949d4fa9ba823', '\x30e38ecc444dc807c64574a963decda653dafd62e6644b9dd66d8824f89446b9', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 65, 0, '2023-11-14 22:14:25+00', '\x126b77e97486cf64f5426a3fbcd71983ee320f6b356271a404d23c8a1e94c4d8', '\x20bde5921e093603bd05c3f8243d9d0f4c3e96b65cd5cad0d3ad10076613cc29', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 65, 2, '2023-11-14 22:14:25+00', '\x126b77e97486cf64f5426a3fbcd71983ee320f6b356271a404d23c8a1e94c4d8', '\x20bde5921e093603bd05c3f8243d9d0f4c3e96b65cd5cad0d3ad10076613cc29', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 71, 2, '2023-11-14 22:14:31+00', '\x5f7929f3f5f33b2febce254152d81edb33a461cef7a52091ed52a5c2c44603ab', '\xdbefd2e554d6c9b6fd6823e1972391fd3b948a3f5731193961ed7f2c98fdd45f', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 76, 0, '2023-11-14 22:14:36+00', '\xc8b025bb8a71560a470473d9922b86400ebe3100d7c816b922ab4b8ad98ecdca', '\xf551028e9794d0aee010cccdcd3e7173624616f7e19bb5663c3226a530adba94', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 78, 2, '2023-11-14 22:14:38+00', '\xf0df14b0f1045b4ff4788d46595990a1cfd05ffd8b62fca38db2da13d1613095', '\x07a9ecf876b6ac3474d30dc44f870f86acd9e143d54cdb99ab66802c7029ee27', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 79, 5, '2023-11-14 22:14:39+00', '\x0fbd16ed85ccb795b28282b1fdd96f06890092ec4b456048f7f28f341f1a8a4f', '\x20a6c3c7d2f3b1b188c71da4af839ac626a3022900078ab14a329f154b4ceecb', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 82, 1, '2023-11-14 22:14:42+00', '\x954f2c0ac972b9350d331d492a0036006a6a2725cf3d770d6bd41f38d59096c7', '\x0fcd7ddd562c2f78146174834be546341a3ae5035c633efc17e77ce8e47c55e6', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 82, 3, '2023-11-14 22:14:42+00', '\x954f2c0ac972b9350d331d492a0036006a6a2725cf3d770d6bd41f38d59096c7', '\x0fcd7ddd562c2f78146174834be546341a3ae5035c633efc17e77ce8e47c55e6', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
INSERT INTO usdx.undecoded_logs VALUES ('shop/token', 1337, 82, 5, '2023-11-14 22:14:42+00', '\x954f2c0ac972b9350d331d492a0036006a6a2725cf3d770d6bd41f38d59096c7', '\x0fcd7ddd562c2f78146174834be546341a3ae5035c633efc17e77ce8e47c55e6', '\x1111111111111111111111111111111111111111', '{"\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","\\x0000000000000000000000000000000000000000000000000000000000000001","\\x0000000000000000000000000000000000000000000000000000000000000002"}', '\x01', 'out_of_bounds', 'data: needs bytes 0..32 of 1');
SELECT pg_catalog.setval('usdx.alert_acknowledgements_id_seq', 1, true);
SELECT pg_catalog.setval('usdx.manual_prices_id_seq', 1, true);
ALTER TABLE ONLY shop.desk_note
    ADD CONSTRAINT desk_note_pkey PRIMARY KEY (chain_id, block_number, log_index);
ALTER TABLE ONLY shop.item_note
    ADD CONSTRAINT item_note_pkey PRIMARY KEY (chain_id, block_number, log_index);
ALTER TABLE ONLY shop.mint_born
    ADD CONSTRAINT mint_born_pkey PRIMARY KEY (chain_id, block_number, log_index);
ALTER TABLE ONLY shop.token_transfer
    ADD CONSTRAINT token_transfer_pkey PRIMARY KEY (chain_id, block_number, log_index);
ALTER TABLE ONLY usdx.alert_acknowledgements
    ADD CONSTRAINT alert_acknowledgements_pkey PRIMARY KEY (id);
ALTER TABLE ONLY usdx.alert_notifications
    ADD CONSTRAINT alert_notifications_pkey PRIMARY KEY (fingerprint, starts_at, status);
ALTER TABLE ONLY usdx.backups
    ADD CONSTRAINT backups_pkey PRIMARY KEY (target);
ALTER TABLE ONLY usdx.chains
    ADD CONSTRAINT chains_chain_id_key UNIQUE (chain_id);
ALTER TABLE ONLY usdx.chains
    ADD CONSTRAINT chains_pkey PRIMARY KEY (chain);
ALTER TABLE ONLY usdx.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (stream, block_number);
ALTER TABLE ONLY usdx.coverage
    ADD CONSTRAINT coverage_pkey PRIMARY KEY (stream, first_block);
ALTER TABLE ONLY usdx.cumulatives
    ADD CONSTRAINT cumulatives_pkey PRIMARY KEY (pool, at_s);
ALTER TABLE ONLY usdx.cursors
    ADD CONSTRAINT cursors_pkey PRIMARY KEY (stream);
ALTER TABLE ONLY usdx.feeds
    ADD CONSTRAINT feeds_pkey PRIMARY KEY (feed);
ALTER TABLE ONLY usdx.figure_refreshes
    ADD CONSTRAINT figure_refreshes_pkey PRIMARY KEY (gauge);
ALTER TABLE ONLY usdx.figures
    ADD CONSTRAINT figures_pkey PRIMARY KEY (gauge, at, labels);
ALTER TABLE ONLY usdx.manual_prices
    ADD CONSTRAINT manual_prices_pkey PRIMARY KEY (id);
ALTER TABLE ONLY usdx.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);
ALTER TABLE ONLY usdx.observations
    ADD CONSTRAINT observations_pkey PRIMARY KEY (feed, observed_at);
ALTER TABLE ONLY usdx.observations_20260101
    ADD CONSTRAINT observations_20260101_pkey PRIMARY KEY (feed, observed_at);
ALTER TABLE ONLY usdx.quotes
    ADD CONSTRAINT quotes_pkey PRIMARY KEY (feed, observed_at, source);
ALTER TABLE ONLY usdx.quotes_20260101
    ADD CONSTRAINT quotes_20260101_pkey PRIMARY KEY (feed, observed_at, source);
ALTER TABLE ONLY usdx.scopes
    ADD CONSTRAINT scopes_pkey PRIMARY KEY (stream, address, event);
ALTER TABLE ONLY usdx.undecoded_logs
    ADD CONSTRAINT undecoded_logs_pkey PRIMARY KEY (stream, block_number, log_index);
ALTER TABLE ONLY usdx.views
    ADD CONSTRAINT views_pkey PRIMARY KEY (schema_name, view_name);
CREATE INDEX alert_acknowledgements_of ON usdx.alert_acknowledgements USING btree (fingerprint, starts_at, at DESC);
CREATE INDEX alert_notifications_newest ON usdx.alert_notifications USING btree (starts_at DESC, fingerprint);
CREATE INDEX alert_notifications_received ON usdx.alert_notifications USING btree (alertname, last_received_at DESC);
CREATE INDEX figures_age ON usdx.figures USING brin (at);
CREATE INDEX manual_prices_feed_id_idx ON usdx.manual_prices USING btree (feed, id DESC);
ALTER INDEX usdx.observations_pkey ATTACH PARTITION usdx.observations_20260101_pkey;
ALTER INDEX usdx.quotes_pkey ATTACH PARTITION usdx.quotes_20260101_pkey;
ALTER TABLE ONLY usdx.checkpoints
    ADD CONSTRAINT checkpoints_stream_fkey FOREIGN KEY (stream) REFERENCES usdx.cursors(stream) ON DELETE CASCADE;
ALTER TABLE ONLY usdx.coverage
    ADD CONSTRAINT coverage_stream_fkey FOREIGN KEY (stream) REFERENCES usdx.cursors(stream) ON DELETE CASCADE;
ALTER TABLE ONLY usdx.cursors
    ADD CONSTRAINT cursors_chain_fkey FOREIGN KEY (chain) REFERENCES usdx.chains(chain);
ALTER TABLE ONLY usdx.scopes
    ADD CONSTRAINT scopes_stream_fkey FOREIGN KEY (stream) REFERENCES usdx.cursors(stream) ON DELETE CASCADE;
