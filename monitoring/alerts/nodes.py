"""The nodes that a chain is read from fail, lag or disagree."""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.model import Alert, Group

_BOARD = "usdx-rpc"

GROUP = Group(
    "usdx-rpc",
    (
        Alert(
            "RpcAllProvidersDown",
            "critical",
            "indexer",
            "1m",
            "max by (chain) (usdx_rpc_provider_up) == 0",
            "No endpoint of {{ $labels.chain }} is healthy",
            "Every endpoint of {{ $labels.chain }} has failed its health probe for one minute. Indexing waits; nothing "
            "is lost.",
            _BOARD,
        ),
        Alert(
            "RpcProviderDown",
            "warning",
            "indexer",
            "5m",
            "max by (chain, provider) (usdx_rpc_provider_up) == 0",
            "Endpoint {{ $labels.provider }} of {{ $labels.chain }} is down",
            "Endpoint {{ $labels.provider }} has failed its health probe for five minutes; the others carry on.",
            _BOARD,
        ),
        Alert(
            "RpcErrorRateHigh",
            "warning",
            "indexer",
            "10m",
            'sum by (chain, provider) (rate(usdx_rpc_requests_total{outcome!="ok"}[5m]))'
            " / (sum by (chain, provider) (rate(usdx_rpc_requests_total[5m])) > 0)"
            f" > {limit.RPC_ERROR_RATIO}",
            "{{ $value | humanizePercentage }} of the requests to {{ $labels.provider }} fail",
            f"More than {limit.RPC_ERROR_RATIO:.0%} of the requests to endpoint {{{{ $labels.provider }}}} of "
            "{{ $labels.chain }} failed for ten minutes.",
            _BOARD,
        ),
        Alert(
            "RpcProviderLagging",
            "warning",
            "indexer",
            "5m",
            "max by (chain) (usdx_rpc_provider_head_block) - on (chain) group_right"
            f" max by (chain, provider) (usdx_rpc_provider_head_block) > {limit.RPC_LAG_BLOCKS}",
            "Endpoint {{ $labels.provider }} of {{ $labels.chain }} is {{ $value | humanize }} blocks behind",
            f"The head of {{{{ $labels.provider }}}} has been more than {limit.RPC_LAG_BLOCKS} blocks below that of "
            "the best endpoint for five minutes.",
            _BOARD,
        ),
    ),
)
