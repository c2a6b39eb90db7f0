-- What stands behind the proxies among the contracts: every implementation that was seen, the digest of the events that
-- were configured then, and whether those are known to be its events.

create table usdx.implementations (
    stream text not null references usdx.cursors on delete cascade,
    proxy bytea not null,
    implementation bytea not null,
    kind text not null,
    abi bytea not null,
    known boolean not null,
    noticed_at timestamptz not null default now(),
    primary key (stream, proxy, implementation)
);

-- What kind of rows the last audit of a range found to differ. Audits of before count as wrong rows.
alter table usdx.coverage
    add column missing bigint not null default 0,
    add column wrong bigint not null default 0,
    add column invented bigint not null default 0;
update usdx.coverage set wrong = violations;
