-- What is looked at every second is found without reading what is kept: refusals, reorgs, alerts that fire.

create index observations_refused on usdx.observations (observed_at) where result = 'refused';
create index reorgs_seen on usdx.reorgs (seen_at);

-- The rows of usdx.alerts that are active, without a look at the episodes that ended: only the newest one of a fingerprint
-- can be active, and only while it was not resolved. `offset 0` lets Postgres look each of them up by its key.
create view usdx.active_alerts as
select found.*
from (
    select distinct on (fingerprint) fingerprint, starts_at
    from usdx.alert_notifications
    order by fingerprint, starts_at desc
) newest
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
