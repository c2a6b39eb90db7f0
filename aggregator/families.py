"""Declare what the aggregator says of itself, of the business and of alerts."""

from shared.metrics import DELAY, Family

TARGET_UP = Family(
    "usdx_aggregator_target_up",
    "gauge",
    "1 when the worker exposition was fetched and parsed.",
    ("target",),
    fold="min",
)
FETCH_DURATION = Family(
    "usdx_aggregator_fetch_duration_seconds",
    "gauge",
    "Duration of the last fetch of the worker exposition.",
    ("target",),
    "seconds",
)
FETCH_ERRORS = Family(
    "usdx_aggregator_fetch_errors_total", "counter", "Failed fetches of worker expositions.", ("target", "kind")
)
MERGED_SAMPLES = Family(
    "usdx_aggregator_merged_samples",
    "gauge",
    "Samples taken from the worker in the last merge.",
    ("target",),
    fold="sum",
)
MERGE_CONFLICTS = Family(
    "usdx_aggregator_merge_conflicts_total",
    "counter",
    "Families dropped because TYPE disagreed between workers.",
)
HELP_CONFLICTS = Family(
    "usdx_aggregator_help_conflicts_total",
    "counter",
    "Families whose HELP disagreed between workers; the first one was kept.",
)
BUSINESS_SUCCESS = Family(
    "usdx_business_metrics_last_success_timestamp_seconds",
    "gauge",
    "Time of the last successful business-metrics refresh.",
    (),
    "seconds",
)
BUSINESS_DURATION = Family(
    "usdx_business_metrics_last_duration_seconds",
    "gauge",
    "Duration of the last business-metrics refresh.",
    (),
    "seconds",
)
BUSINESS_REFRESHES = Family(
    "usdx_business_metrics_refreshes_total", "counter", "Business-metrics refresh attempts by result.", ("result",)
)
BUSINESS_GAUGE_SUCCESS = Family(
    "usdx_business_figure_last_success_timestamp_seconds",
    "gauge",
    "Time of the snapshot that the gauge's value was read from.",
    ("gauge",),
    "seconds",
    fold="min",
)
BUSINESS_GAUGE_MAX_AGE = Family(
    "usdx_business_figure_max_age_seconds",
    "gauge",
    "Age from which the gauge's value counts as old: three of its periods.",
    ("gauge",),
    "seconds",
)
BUSINESS_GAUGE_ERRORS = Family(
    "usdx_business_figure_errors_total", "counter", "Refreshes in which the gauge's own query failed.", ("gauge",)
)
WEBHOOK_REQUESTS = Family(
    "usdx_alert_webhook_requests_total", "counter", "Alertmanager webhook requests by outcome.", ("outcome",)
)
NOTIFICATIONS = Family(
    "usdx_alert_notifications_total",
    "counter",
    "Alert notifications received from Alertmanager.",
    ("severity", "status"),
)
TRUNCATED = Family(
    "usdx_alert_notifications_truncated_total",
    "counter",
    "Alerts that Alertmanager left out of its notifications because there were too many.",
)
ALERTS_ACTIVE = Family("usdx_alerts_active", "gauge", "Alerts firing according to the webhook store.", ("severity",))
UNACKNOWLEDGED_SINCE = Family(
    "usdx_alerts_unacknowledged_since_timestamp_seconds",
    "gauge",
    "Start of the oldest unacknowledged firing alert; absent when none.",
    ("severity",),
    "seconds",
)
NOTIFICATION_DELAY = Family(
    "usdx_alert_notification_delay_seconds",
    "histogram",
    "Delay from alert start to webhook receipt.",
    (),
    "seconds",
    DELAY,
)
WATCHDOG_RECEIVED = Family(
    "usdx_alertmanager_watchdog_last_received_timestamp_seconds",
    "gauge",
    "Time the Watchdog notification last arrived.",
    (),
    "seconds",
)
BACKUP_SUCCESS = Family(
    "usdx_backup_last_success_timestamp_seconds",
    "gauge",
    "Time of the last verified backup.",
    ("target",),
    "seconds",
    fold="min",
)
STREAM_CLIENTS = Family("usdx_api_stream_clients", "gauge", "Clients of the server-sent event stream.")
STREAM_DROPPED = Family(
    "usdx_api_stream_dropped_total", "counter", "Stream clients cut off because they did not keep up."
)

FAMILIES = (
    TARGET_UP,
    FETCH_DURATION,
    FETCH_ERRORS,
    MERGED_SAMPLES,
    MERGE_CONFLICTS,
    HELP_CONFLICTS,
    BUSINESS_SUCCESS,
    BUSINESS_DURATION,
    BUSINESS_REFRESHES,
    BUSINESS_GAUGE_SUCCESS,
    BUSINESS_GAUGE_MAX_AGE,
    BUSINESS_GAUGE_ERRORS,
    WEBHOOK_REQUESTS,
    NOTIFICATIONS,
    TRUNCATED,
    ALERTS_ACTIVE,
    UNACKNOWLEDGED_SINCE,
    NOTIFICATION_DELAY,
    WATCHDOG_RECEIVED,
    BACKUP_SUCCESS,
    STREAM_CLIENTS,
    STREAM_DROPPED,
)
