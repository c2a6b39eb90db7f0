-- What is looked at every second is found without reading all that is kept: refusals, reorgs, alerts that fire.

create index observations_refused on usdx.observations (observed_at) where result = 'refused';
create index reorgs_seen on usdx.reorgs (seen_at);

-- The rows of usdx.alerts that are active, found by one look into the index for each fingerprint, however many episodes
-- ended: only a fingerprint's newest can be active, and only while it was not resolved. `offset 0` makes Postgres look
-- each of them up by its key.
create view usdx.active_alerts as
with recursive newest as (
    (
        select fingerprint, starts_at from usdx.alert_notifications
        order by fingerprint desc, starts_at desc limit 1
    )
    union all
    select before.fingerprint, before.starts_at
    from newest
    cross join lateral (
        select n.fingerprint, n.starts_at from usdx.alert_notifications n
        where n.fingerprint < newest.fingerprint
        order by n.fingerprint desc, n.starts_at desc limit 1
    ) before
)
select found.*
from newest
cross join lateral (
    select * from usdx.alerts a
    where a.fingerprint = newest.fingerprint and a.starts_at = newest.starts_at
    offset 0
) found
where found.active and not exists (
    select from usdx.alert_notifications resolved
    where resolved.fingerprint = newest.fingerprint
      and resolved.starts_at = newest.starts_at
      and resolved.status = 'resolved'
);
