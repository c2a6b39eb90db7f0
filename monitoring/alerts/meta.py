"""The monitoring itself fails."""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.model import Alert, Group

_BOARD = "usdx-platform"

GROUP = Group(
    "usdx-monitoring",
    (
        Alert(
            "Watchdog",
            "none",
            "monitoring",
            "0m",
            "vector(1)",
            "Alerting works",
            "This alert always fires. Its silence at the receiver means that alerts no longer arrive.",
            _BOARD,
        ),
        Alert(
            "WatchdogMissing",
            "critical",
            "monitoring",
            "1m",
            f"time() - max(usdx_alertmanager_watchdog_last_received_timestamp_seconds) > {limit.WATCHDOG_SILENT_S}",
            "The watchdog has not arrived for {{ $value | humanizeDuration }}",
            f"Alertmanager has not delivered the watchdog to the aggregator for {limit.WATCHDOG_SILENT_S} s: other "
            "alerts may not arrive either.",
            _BOARD,
        ),
        Alert(
            "AlertUnacknowledged",
            "critical",
            "monitoring",
            "1m",
            'time() - max by (severity) (usdx_alerts_unacknowledged_since_timestamp_seconds{severity="critical"})'
            f" > {limit.UNACKNOWLEDGED_S}",
            "A critical alert has waited {{ $value | humanizeDuration }} for somebody",
            f"A critical alert has been firing for more than {limit.UNACKNOWLEDGED_S // 60} minutes and nobody has "
            "acknowledged it.",
            _BOARD,
            labels={"escalation": "2"},
        ),
        Alert(
            "AggregatorTargetDown",
            "warning",
            "aggregator",
            "2m",
            "usdx_aggregator_target_up == 0",
            "The aggregator cannot read {{ $labels.target }}",
            "The aggregator has failed to fetch or parse the exposition of {{ $labels.target }} for two minutes.",
            _BOARD,
        ),
        Alert(
            "MetricsMergeConflict",
            "warning",
            "aggregator",
            "0m",
            "increase(usdx_aggregator_merge_conflicts_total[15m]) > 0",
            "Workers disagree about the type of a metric",
            "A family was dropped from the merged exposition because two workers declare it with different types: "
            "they run different versions.",
            _BOARD,
        ),
        Alert(
            "MetricsReadFailing",
            "warning",
            None,
            "0m",
            "sum by (service) (increase(usdx_metrics_read_errors_total[15m])) > 0",
            "Some metrics of {{ $labels.service }} are missing",
            "A scrape could not read a part of what {{ $labels.service }} knows: those series are missing, and what "
            "watches them is blind.",
            _BOARD,
        ),
        Alert(
            "MetricsLabelOverflow",
            "info",
            None,
            "0m",
            "sum by (service, label) (increase(usdx_metrics_label_overflow_total[1h])) > 0",
            "Label {{ $labels.label }} of {{ $labels.service }} has too many values",
            "New values of label {{ $labels.label }} are folded into `other`: the cap on its cardinality is reached.",
            _BOARD,
        ),
        Alert(
            "AlertmanagerNotificationsFailing",
            "critical",
            "monitoring",
            "5m",
            "sum by (integration) (rate(alertmanager_notifications_failed_total[5m])) > 0",
            "Alertmanager cannot notify through {{ $labels.integration }}",
            "Notifications through {{ $labels.integration }} have been failing for five minutes; the other channels "
            "still work.",
            _BOARD,
        ),
        Alert(
            "PrometheusNotConnectedToAlertmanager",
            "critical",
            "monitoring",
            "5m",
            "prometheus_notifications_alertmanagers_discovered < 1",
            "Prometheus knows no Alertmanager",
            "Prometheus on {{ $labels.instance }} has had no Alertmanager to send to for five minutes.",
            _BOARD,
        ),
        Alert(
            "PrometheusNotificationsDropped",
            "critical",
            "monitoring",
            "0m",
            "increase(prometheus_notifications_dropped_total[5m]) > 0",
            "Prometheus drops alerts",
            "Prometheus on {{ $labels.instance }} dropped {{ $value | humanize }} notifications within five minutes.",
            _BOARD,
        ),
        Alert(
            "PrometheusRuleFailures",
            "critical",
            "monitoring",
            "0m",
            "increase(prometheus_rule_evaluation_failures_total[5m]) > 0",
            "A rule of group {{ $labels.rule_group }} cannot be evaluated",
            "Prometheus on {{ $labels.instance }} failed to evaluate rules of {{ $labels.rule_group }}; the alerts in "
            "it are blind.",
            _BOARD,
        ),
        Alert(
            "PrometheusConfigReloadFailed",
            "warning",
            "monitoring",
            "5m",
            "prometheus_config_last_reload_successful == 0",
            "Prometheus refused its new configuration",
            "Prometheus on {{ $labels.instance }} runs on its previous configuration.",
            _BOARD,
        ),
        Alert(
            "AlertmanagerConfigReloadFailed",
            "warning",
            "monitoring",
            "5m",
            "alertmanager_config_last_reload_successful == 0",
            "Alertmanager refused its new configuration",
            "Alertmanager on {{ $labels.instance }} runs on its previous configuration.",
            _BOARD,
        ),
    ),
)
