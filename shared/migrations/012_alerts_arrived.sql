-- The event stream asks every second which alerts are new.

create index alert_notifications_arrived on usdx.alert_notifications (first_received_at);
