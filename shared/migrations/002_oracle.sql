-- What the oracle saw and decided: every quote, every observation with its derivation, for ever appended.

create table usdx.feeds (
    feed text primary key,
    base text not null,
    quote text not null,
    required boolean not null,
    heartbeat_s double precision not null,
    active boolean not null default true
);

create table usdx.observations (
    feed text not null,
    observed_at timestamptz not null,
    result text not null check (result in ('fresh', 'cached', 'refused')),
    price numeric,
    reason text,
    detail text,
    spread_bps numeric,
    confidence numeric not null,
    sources_used int not null,
    sources_dropped int not null,
    groups text[] not null,
    oldest_input_at timestamptz,
    published boolean not null,
    duration_s double precision not null,
    derivation jsonb not null,
    primary key (feed, observed_at)
) partition by range (observed_at);

create table usdx.quotes (
    feed text not null,
    observed_at timestamptz not null,
    source text not null,
    pair text not null,
    price numeric,
    venue_time timestamptz,
    server_time timestamptz,
    received_at timestamptz,
    receipt_age_s double precision,
    sequence text,
    confidence numeric,
    volume numeric,
    liquidity numeric,
    spot numeric,
    claims text,
    verdict text not null check (verdict in ('used', 'dropped', 'failed')),
    reason text,
    detail text,
    converted numeric,
    duration_s double precision not null,
    primary key (feed, observed_at, source)
) partition by range (observed_at);

-- A day's partitions of both tables; names end in _YYYYMMDD. Idempotent, also when two sessions do it at once: the lock
-- (`usdx` and 002) makes the second wait for the first's end and see what it made.
create function usdx.create_oracle_partitions(day date) returns void language plpgsql as $$
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

-- Drop whole days before a day; returns how many partitions went.
create function usdx.drop_oracle_partitions(before date) returns int language plpgsql as $$
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

-- The newest observation of every feed.
create view usdx.latest_prices as
select
    feeds.feed, newest.price, newest.result, newest.reason, newest.detail, newest.spread_bps, newest.confidence,
    newest.sources_used, newest.observed_at, newest.oldest_input_at, newest.published, newest.derivation
from usdx.feeds
cross join lateral (
    select * from usdx.observations
    where observations.feed = feeds.feed
    order by observed_at desc
    limit 1
) newest
where feeds.active;

-- Why a feed had the price it had (or none) at a moment: the observation, its derivation and every quote; null when
-- there is no observation.
create function usdx.explain_price(of_feed text, at timestamptz default now()) returns jsonb language sql stable as $$
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

-- Prices set by a person: who, why, and until when. The newest row of a feed counts; a withdrawal is a row that is over
-- as soon as it is set.
create table usdx.manual_prices (
    id bigint generated always as identity primary key,
    feed text not null,
    price numeric not null check (price > 0),
    set_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    author text not null,
    why text not null
);
create index on usdx.manual_prices (feed, id desc);

-- Cumulative prices that we noted ourselves, for averages over a window (Uniswap V2).
create table usdx.cumulatives (
    pool text not null,
    at_s bigint not null,
    value numeric(78, 0) not null,
    primary key (pool, at_s)
);
