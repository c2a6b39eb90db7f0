-- The values of business gauges, as often as they were refreshed: what replicas share and trends are drawn from.

create table usdx.figures (
    gauge  text        not null,
    at     timestamptz not null,
    labels text[]      not null,
    value  numeric     not null,
    primary key (gauge, at, labels)
);

create index figures_age on usdx.figures using brin (at);

-- When each gauge was last read with success; its rows in usdx.figures of that time are its last good values.
create table usdx.figure_refreshes (
    gauge      text primary key,
    at         timestamptz      not null,
    duration_s double precision not null
);
