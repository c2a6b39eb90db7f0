-- Every time blocks that were stored turned out to be replaced: written with the deletion of their rows, or not at all.
create table usdx.reorgs (
    id         bigint generated always as identity primary key,
    chain      text        not null,
    streams    text[]      not null,
    ancestor   bigint      not null,  -- the last block that stayed
    from_block bigint      not null,  -- where the streams stood
    events     bigint      not null,  -- rows that were deleted
    seen_at    timestamptz not null default now()
);
