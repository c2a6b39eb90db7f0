-- What the indexer knows: which chain it follows, how far each stream is, and what it could not decode.

create table usdx.chains (
    chain text primary key,
    chain_id bigint not null unique,
    genesis_hash bytea not null
);

-- One row a stream. Everything up to and including block_number is in the stream's tables. final_block is the highest
-- block that was known to be final when the cursor last moved up: nothing stored above it was final then.
create table usdx.cursors (
    stream text primary key,
    chain text not null references usdx.chains,
    start_block bigint not null,
    block_number bigint not null,
    block_hash bytea,
    block_time timestamptz,
    final_block bigint not null default -1,
    updated_at timestamptz not null default now()
);

-- What a stream's cursor covers, so that an address or an event added later is indexed from its own beginning.
create table usdx.scopes (
    stream text not null references usdx.cursors on delete cascade,
    address bytea not null,
    event text not null,
    primary key (stream, address, event)
);

-- Blocks a stream stood at that may still change, and the newest that cannot: where the search for a fork point looks.
create table usdx.checkpoints (
    stream text not null references usdx.cursors on delete cascade,
    block_number bigint not null,
    block_hash bytea not null,
    primary key (stream, block_number)
);

-- Ranges whose completeness was proved, and by what.
create table usdx.coverage (
    stream text not null references usdx.cursors on delete cascade,
    first_block bigint not null,
    last_block bigint not null,
    evidence text not null,
    logs bigint not null,
    digest bytea not null,
    violations bigint not null,
    repaired boolean not null,
    checked_at timestamptz not null default now(),
    primary key (stream, first_block),
    check (first_block <= last_block)
);

-- Logs that belong to a stream but do not fit its ABI.
create table usdx.undecoded_logs (
    stream text not null,
    chain_id bigint not null,
    block_number bigint not null,
    log_index bigint not null,
    block_time timestamptz not null,
    block_hash bytea not null,
    tx_hash bytea not null,
    address bytea not null,
    topics bytea[] not null,
    data bytea not null,
    reason text not null,
    message text not null,
    primary key (stream, block_number, log_index)
);

-- The text of each protocol view as it was created.
create table usdx.views (
    schema_name text not null,
    view_name text not null,
    position int not null,
    digest bytea not null,
    primary key (schema_name, view_name)
);
