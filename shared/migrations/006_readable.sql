-- Readable forms of what event tables hold as bytes.

-- An address as people write it, with the checksum of EIP-55: for display. It takes about a millisecond, since Postgres
-- has no keccak; compare and join the bytea itself.
create function usdx.address_text(address bytea) returns text
language plpgsql immutable strict parallel safe as $$
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

-- The bytes of a string as its contract emitted them: undoes the escape \xHH of bytes that Postgres text cannot hold.
create function usdx.text_bytes(stored text) returns bytea
language sql immutable strict parallel safe as $$
    select coalesce(string_agg(
        case when part[1] is not null then decode(part[1], 'hex') else convert_to(part[2], 'UTF8') end, '' order by place
    ), '')
    from regexp_matches(stored, '\\x([0-9a-f]{2})|((?:(?!\\x[0-9a-f]{2}).)+)', 'gs') with ordinality as found (part, place)
$$;
