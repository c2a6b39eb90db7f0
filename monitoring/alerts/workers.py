"""A worker is down, gone, hung or ailing."""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.model import Alert, Group

WORKERS = ("indexer", "oracle", "aggregator")
_BOARD = "usdx-platform"


def _missing(service: str) -> Alert:
    return Alert(
        "ServiceMissing",
        "critical",
        service,
        "2m",
        f'absent(up{{job="usdx-{service}"}})',
        f"No {service} is being scraped",
        f"Prometheus has had no target of job usdx-{service} for two minutes: it vanished from discovery or from the "
        "configuration, so ServiceDown cannot see it.",
        _BOARD,
    )


GROUP = Group(
    "usdx-workers",
    (
        Alert(
            "ServiceDown",
            "critical",
            None,
            "1m",
            'up{job=~"usdx-.+"} == 0',
            "{{ $labels.service }} on {{ $labels.instance }} does not answer",
            "Prometheus could not scrape {{ $labels.job }} at {{ $labels.instance }} for one minute.",
            _BOARD,
        ),
        *(_missing(service) for service in WORKERS),
        Alert(
            "ServiceFlapping",
            "warning",
            None,
            "0m",
            f'changes(process_start_time_seconds{{job=~"usdx-.+"}}[15m]) > {limit.FLAPPING_RESTARTS}',
            "{{ $labels.service }} restarted {{ $value | humanize }} times in 15 minutes",
            f"{{{{ $labels.service }}}} on {{{{ $labels.instance }}}} started more than {limit.FLAPPING_RESTARTS} "
            "times within 15 minutes: something kills it again and again.",
            _BOARD,
            keep_firing="15m",
        ),
        Alert(
            "WorkerHeartbeatStale",
            "critical",
            None,
            "1m",
            "time() - usdx_worker_heartbeat_timestamp_seconds > usdx_worker_heartbeat_max_age_seconds",
            "Loop {{ $labels.loop }} of {{ $labels.service }} stands still for {{ $value | humanizeDuration }}",
            "The process answers, but its loop {{ $labels.loop }} has not completed an iteration within the age that "
            "it declares itself.",
            _BOARD,
        ),
        Alert(
            "WorkerTaskRestarting",
            "warning",
            None,
            "0m",
            f"increase(usdx_worker_task_restarts_total[15m]) > {limit.TASK_RESTARTS}",
            "Task {{ $labels.task }} of {{ $labels.service }} keeps being restarted",
            f"Task {{{{ $labels.task }}}} lost its lease or failed, and took its work up again, more than "
            f"{limit.TASK_RESTARTS} times within 15 minutes.",
            _BOARD,
            keep_firing="15m",
        ),
        Alert(
            "EventLoopBlocked",
            "warning",
            None,
            "5m",
            "histogram_quantile(0.99, sum by (service, instance, le)"
            f" (rate(usdx_event_loop_lag_seconds_bucket[5m]))) > {limit.EVENT_LOOP_LAG_S}",
            "The event loop of {{ $labels.service }} is late by {{ $value | humanizeDuration }}",
            f"The 99th percentile of the delay of a one-second timer was above {limit.EVENT_LOOP_LAG_S} s for five "
            "minutes: something blocks the loop or the machine has no processor to spare.",
            _BOARD,
        ),
        Alert(
            "DependencyDown",
            "warning",
            None,
            "5m",
            'usdx_dependency_up{dependency!="postgres"} == 0',
            "{{ $labels.service }} cannot reach {{ $labels.dependency }}",
            "{{ $labels.service }} on {{ $labels.instance }} has failed to reach {{ $labels.dependency }} for five "
            "minutes.",
            _BOARD,
        ),
    ),
)
