"""Are the processes and the monitoring itself healthy?"""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.dashboards.model import Board, Panel, Query, Row, one

BOARD = Board(
    "usdx-platform",
    "Platform",
    "Processes, their loops and memory, the scrape, the rules and the notifications.",
    (
        Row(
            "Processes",
            (
                Panel(
                    "Up",
                    "1 when Prometheus could scrape the worker.",
                    one("min by (service, instance) (up{@})", "{{service}} {{instance}}"),
                    kind="stat",
                    low_is_bad=True,
                    bad=1,
                    width=24,
                    height=4,
                ),
                Panel(
                    "Age of each loop's heartbeat",
                    "In units of the age it may reach; WorkerHeartbeatStale fires above 1.",
                    one(
                        "(time() - usdx_worker_heartbeat_timestamp_seconds{@})"
                        " / usdx_worker_heartbeat_max_age_seconds{@}",
                        "{{service}} {{loop}}",
                    ),
                    bad=1,
                ),
                Panel(
                    "Event loop lag (p99)",
                    "EventLoopBlocked fires at the red line.",
                    one(
                        "histogram_quantile(0.99, sum by (service, instance, le)"
                        " (rate(usdx_event_loop_lag_seconds_bucket{@}[$__rate_interval])))",
                        "{{service}}",
                    ),
                    unit="s",
                    bad=limit.EVENT_LOOP_LAG_S,
                ),
                Panel(
                    "Processor time",
                    "Cores used.",
                    one("rate(process_cpu_seconds_total{@}[$__rate_interval])", "{{service}} {{instance}}"),
                ),
                Panel(
                    "Resident memory",
                    "By process.",
                    one("process_resident_memory_bytes{@}", "{{service}} {{instance}}"),
                    unit="bytes",
                ),
                Panel(
                    "Open files",
                    "Share of the limit.",
                    one("process_open_fds{@} / process_max_fds{@}", "{{service}} {{instance}}"),
                    unit="percentunit",
                ),
                Panel(
                    "Log messages a second",
                    "By level.",
                    one(
                        "sum by (service, level) (rate(usdx_log_messages_total{@}[$__rate_interval]))",
                        "{{service}} {{level}}",
                    ),
                    unit="ops",
                    stacked=True,
                ),
            ),
        ),
        Row(
            "Monitoring",
            (
                Panel(
                    "Scrape duration",
                    "How long Prometheus waits for each worker.",
                    one("scrape_duration_seconds{@}", "{{service}} {{instance}}"),
                    unit="s",
                ),
                Panel(
                    "Samples per scrape",
                    "The scrape is refused beyond 20,000.",
                    one("scrape_samples_scraped{@}", "{{service}} {{instance}}"),
                    bad=20000,
                ),
                Panel(
                    "Workers seen by the aggregator",
                    "AggregatorTargetDown fires at 0.",
                    one("min by (target) (usdx_aggregator_target_up{@})", "{{target}}"),
                    kind="stat",
                    low_is_bad=True,
                    bad=1,
                ),
                Panel(
                    "Time per rule group",
                    "How long Prometheus takes to evaluate each group of rules.",
                    (
                        Query(
                            "topk(8, label_replace(prometheus_rule_group_last_duration_seconds,"
                            ' "group", "$1", "rule_group", ".*;(.*)"))',
                            "{{group}}",
                        ),
                    ),
                    unit="s",
                ),
                Panel(
                    "Notifications a second",
                    "What Alertmanager sent, and what failed.",
                    (
                        Query(
                            "sum by (integration) (rate(alertmanager_notifications_total[5m])) > 0", "{{integration}}"
                        ),
                        Query("sum(rate(alertmanager_notifications_failed_total[5m]))", "failed, all together"),
                    ),
                    unit="ops",
                ),
                Panel(
                    "Since the last watchdog",
                    "WatchdogMissing fires at the red line.",
                    one("time() - max(usdx_alertmanager_watchdog_last_received_timestamp_seconds{@})", "watchdog"),
                    unit="s",
                    bad=limit.WATCHDOG_SILENT_S,
                ),
            ),
        ),
    ),
)
