-- An alert whose end never reached us is not active for ever: Alertmanager repeats what still fires.

-- How long a firing alert may go unrepeated: three times the repeat_interval of the shipped routes. Whoever repeats more
-- seldom replaces this function.
create function usdx.alert_patience(severity text) returns interval
language sql immutable parallel safe as $$
    select case severity
        when 'critical' then interval '3 hours'
        when 'warning' then interval '12 hours'
        else interval '72 hours'
    end
$$;

-- When the watchdog was last heard: while it is not, that an alert is not repeated says nothing.
create function usdx.watchdog_at() returns timestamptz
language sql stable parallel safe as $$
    select max(last_received_at) from usdx.alert_notifications where alertname = 'Watchdog' and status = 'firing'
$$;

-- One row per episode: an alert from when it started firing until it was resolved. It is active while it was neither
-- resolved nor followed by a newer episode of the same fingerprint nor silent; it is silent when it should have been
-- repeated, as the watchdog was, and was not: its resolution was lost on the way.
create or replace view usdx.alerts as
select
    episode.fingerprint,
    episode.starts_at,
    newest.alertname,
    newest.severity,
    newest.service,
    newest.labels,
    newest.annotations,
    newest.generator_url,
    resolved.ends_at as resolved_at,
    ended.at is null and not unheard.of as active,
    episode.first_received_at,
    newest.last_received_at,
    acknowledged.at as acknowledged_at,
    acknowledged.by as acknowledged_by,
    acknowledged.note as acknowledged_note,
    ended.at is null and unheard.of as silent
from (
    select fingerprint, starts_at, min(first_received_at) as first_received_at
    from usdx.alert_notifications
    group by fingerprint, starts_at
) episode
cross join lateral (
    select *
    from usdx.alert_notifications n
    where n.fingerprint = episode.fingerprint and n.starts_at = episode.starts_at
    order by n.status desc
    limit 1
) newest
left join usdx.alert_notifications resolved
    on resolved.fingerprint = episode.fingerprint
    and resolved.starts_at = episode.starts_at
    and resolved.status = 'resolved'
cross join lateral (
    select coalesce(resolved.first_received_at, (
        select min(later.starts_at) from usdx.alert_notifications later
        where later.fingerprint = episode.fingerprint and later.starts_at > episode.starts_at
    )) as at
) ended
cross join lateral (
    select coalesce(newest.last_received_at < usdx.watchdog_at() - usdx.alert_patience(newest.severity), false) as of
) unheard
left join lateral (
    select a.at, a.by, a.note
    from usdx.alert_acknowledgements a
    where a.fingerprint = episode.fingerprint and a.starts_at = episode.starts_at
    order by a.at desc
    limit 1
) acknowledged on true;
