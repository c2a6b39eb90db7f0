"""Do the nodes answer, agree, and what do they cost?"""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.dashboards.model import CHAIN, Board, Panel, Row, one

_C = '{@,chain=~"$chain"}'
_FAILED = '{@,chain=~"$chain",outcome!="ok"}'
_DURATION = f"sum by (chain, provider, le) (rate(usdx_rpc_request_duration_seconds_bucket{_C}[$__rate_interval]))"

BOARD = Board(
    "usdx-rpc",
    "Nodes and their cost",
    "Health, agreement, errors, latency and compute units of every endpoint.",
    (
        Row(
            "Health",
            (
                Panel(
                    "Endpoints up",
                    "1 when the endpoint passes its health probe.",
                    one(f"max by (chain, provider) (usdx_rpc_provider_up{_C})", "{{chain}} {{provider}}"),
                    kind="stat",
                    low_is_bad=True,
                    bad=1,
                ),
                Panel(
                    "Blocks behind the best endpoint",
                    "RpcProviderLagging fires at the red line.",
                    one(
                        f"max by (chain) (usdx_rpc_provider_head_block{_C}) - on (chain) group_right"
                        f" max by (chain, provider) (usdx_rpc_provider_head_block{_C})",
                        "{{chain}} {{provider}}",
                    ),
                    bad=limit.RPC_LAG_BLOCKS,
                ),
                Panel(
                    "Share of failed requests",
                    "RpcErrorRateHigh fires at the red line.",
                    one(
                        f"(sum by (chain, provider) (rate(usdx_rpc_requests_total{_FAILED}[5m]))"
                        f" or 0 * sum by (chain, provider) (rate(usdx_rpc_requests_total{_C}[5m])))"
                        f" / (sum by (chain, provider) (rate(usdx_rpc_requests_total{_C}[5m])) > 0)",
                        "{{chain}} {{provider}}",
                    ),
                    unit="percentunit",
                    bad=limit.RPC_ERROR_RATIO,
                ),
                Panel(
                    "Failovers an hour",
                    "Switches to another endpoint.",
                    one(f"sum by (chain) (increase(usdx_rpc_failovers_total{_C}[1h]))", "{{chain}}"),
                    kind="bars",
                ),
            ),
        ),
        Row(
            "Traffic",
            (
                Panel(
                    "Requests a second by method",
                    "All endpoints together.",
                    one(f"sum by (method) (rate(usdx_rpc_requests_total{_C}[$__rate_interval]))", "{{method}}"),
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Outcomes",
                    "What became of the requests.",
                    one(f"sum by (outcome) (rate(usdx_rpc_requests_total{_C}[$__rate_interval]))", "{{outcome}}"),
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Latency (p95)",
                    "By endpoint.",
                    one(f"histogram_quantile(0.95, {_DURATION})", "{{chain}} {{provider}}"),
                    unit="s",
                ),
                Panel(
                    "Compute units an hour",
                    "What a provider bills by; multiply by its price.",
                    one(
                        f"sum by (chain, provider) (increase(usdx_rpc_compute_units_total{_C}[1h]))",
                        "{{chain}} {{provider}}",
                    ),
                    kind="bars",
                ),
            ),
        ),
    ),
    (CHAIN,),
)
