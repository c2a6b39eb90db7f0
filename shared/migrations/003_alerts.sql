-- What Alertmanager told us, once per (fingerprint, start, status), and who took notice.

create table usdx.alert_notifications (
    fingerprint       text        not null,
    starts_at         timestamptz not null,
    status            text        not null check (status in ('firing', 'resolved')),
    ends_at           timestamptz,
    alertname         text        not null,
    severity          text        not null,
    service           text        not null,
    labels            jsonb       not null,
    annotations       jsonb       not null,
    generator_url     text        not null,
    receiver          text        not null,
    first_received_at timestamptz not null,
    last_received_at  timestamptz not null,
    received          bigint      not null default 1,
    primary key (fingerprint, starts_at, status)
);

create index alert_notifications_newest on usdx.alert_notifications (starts_at desc, fingerprint);
create index alert_notifications_received on usdx.alert_notifications (alertname, last_received_at desc);

create table usdx.alert_acknowledgements (
    id          bigint generated always as identity primary key,
    fingerprint text        not null,
    starts_at   timestamptz not null,
    by          text        not null,
    note        text        not null,
    at          timestamptz not null
);

create index alert_acknowledgements_of on usdx.alert_acknowledgements (fingerprint, starts_at, at desc);

-- One row per episode: an alert from when it started firing until it was resolved. It is active while it was neither
-- resolved nor followed by a newer episode of the same fingerprint (whose resolution was lost on the way).
create view usdx.alerts as
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
    (
        resolved.fingerprint is null
        and not exists (
            select from usdx.alert_notifications later
            where later.fingerprint = episode.fingerprint and later.starts_at > episode.starts_at
        )
    ) as active,
    episode.first_received_at,
    newest.last_received_at,
    acknowledged.at as acknowledged_at,
    acknowledged.by as acknowledged_by,
    acknowledged.note as acknowledged_note
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
left join lateral (
    select a.at, a.by, a.note
    from usdx.alert_acknowledgements a
    where a.fingerprint = episode.fingerprint and a.starts_at = episode.starts_at
    order by a.at desc
    limit 1
) acknowledged on true;
