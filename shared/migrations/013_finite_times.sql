-- The driver writes the first and the last moment that it knows as infinite, and reads those without a zone: such times
-- became the nearest ones that it does know. They are the same that the webhook stores now.

update usdx.alert_notifications
set starts_at = case starts_at
        when '-infinity' then '0001-01-02 00:00:00+00' when 'infinity' then '9999-12-30 00:00:00+00' else starts_at
    end,
    ends_at = case ends_at
        when '-infinity' then '0001-01-02 00:00:00+00' when 'infinity' then '9999-12-30 00:00:00+00' else ends_at
    end
where not isfinite(starts_at) or not isfinite(ends_at);

update usdx.alert_acknowledgements
set starts_at = case starts_at when '-infinity' then timestamptz '0001-01-02 00:00:00+00' else '9999-12-30 00:00:00+00' end
where not isfinite(starts_at);
