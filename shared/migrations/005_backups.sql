-- The newest verified backup of each target; the aggregator exports its time.

create table usdx.backups (
    target      text primary key,
    finished_at timestamptz      not null,
    file        text             not null,
    bytes       bigint           not null,
    tables      int              not null,
    rows        bigint           not null,
    duration_s  double precision not null
);
