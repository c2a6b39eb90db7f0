"""A chain is not being followed as it should."""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.model import Alert, Group

_BOARD = "usdx-indexer"
_LAG = "chain:usdx_indexer_lag_seconds:min"
_THRESHOLD = "max by (chain) (usdx_indexer_lag_threshold_seconds)"
_NO_BACKFILL = "unless on (chain) (max by (chain) (usdx_indexer_backfill_active) == 1)"
_OPEN_VIOLATIONS = 'max by (chain, stream, kind) (usdx_indexer_audit_violations{state="open"})'
_HEAD_FETCHED_AGE = "min by (chain) (time() - usdx_indexer_chain_head_fetched_timestamp_seconds)"


def _reorgs(up_to_blocks: str) -> str:
    return f'sum by (chain) (increase(usdx_indexer_reorg_depth_blocks_bucket{{le="{up_to_blocks}"}}[15m]))'


GROUP = Group(
    "usdx-indexer",
    (
        Alert(
            "IndexerHighLag",
            "warning",
            "indexer",
            "10m",
            f"{_LAG} > on (chain) {_THRESHOLD} {_NO_BACKFILL}",
            "{{ $labels.chain }} is {{ $value | humanizeDuration }} behind",
            "The newest committed block of {{ $labels.chain }} has been older than the chain's threshold for ten "
            "minutes, outside a backfill.",
            _BOARD,
        ),
        Alert(
            "IndexerCriticalLag",
            "critical",
            "indexer",
            "5m",
            f"{_LAG} > on (chain) {limit.CRITICAL_LAG_FACTOR} * {_THRESHOLD} {_NO_BACKFILL}",
            "{{ $labels.chain }} is {{ $value | humanizeDuration }} behind",
            "The newest committed block of {{ $labels.chain }} has been older than "
            f"{limit.CRITICAL_LAG_FACTOR} times the chain's threshold for five minutes, outside a backfill.",
            _BOARD,
        ),
        Alert(
            "IndexerStalled",
            "critical",
            "indexer",
            "2m",
            "sum by (chain) (increase(usdx_indexer_blocks_processed_total[10m])) == 0 and on (chain)"
            " max by (chain) (usdx_indexer_chain_head_block) > on (chain)"
            " max by (chain) (usdx_indexer_chain_head_block offset 10m)",
            "{{ $labels.chain }} grows, but nothing is being committed",
            "The head of {{ $labels.chain }} moved within the last ten minutes, and not one block was committed.",
            _BOARD,
        ),
        Alert(
            "IndexerLagUnknown",
            "warning",
            "indexer",
            "10m",
            "group by (chain) (usdx_indexer_lag_threshold_seconds) unless on (chain)"
            " group by (chain) (usdx_indexer_lag_seconds)",
            "{{ $labels.chain }} has not committed a block yet",
            "{{ $labels.chain }} is configured, and for ten minutes there has been no committed block to measure its "
            "lag by.",
            _BOARD,
        ),
        Alert(
            "IndexerHalted",
            "critical",
            "indexer",
            "0m",
            "max by (chain) (usdx_indexer_halted) == 1",
            "Indexing of {{ $labels.chain }} has stopped on an error that it cannot mend",
            "The worker of {{ $labels.chain }} stopped on purpose, before it could write wrong data; its log names the "
            "reason. It does not start again by itself.",
            _BOARD,
        ),
        Alert(
            "ChainHeadStale",
            "warning",
            "indexer",
            "2m",
            f"{_HEAD_FETCHED_AGE} > {limit.HEAD_STALE_S}",
            "Nobody has told the head of {{ $labels.chain }} for {{ $value | humanizeDuration }}",
            f"No endpoint of {{{{ $labels.chain }}}} has answered with a head for more than {limit.HEAD_STALE_S} s; "
            "the lag in blocks means nothing meanwhile.",
            _BOARD,
        ),
        Alert(
            "ChainHalted",
            "warning",
            "indexer",
            "5m",
            f"min by (chain) (time() - usdx_indexer_chain_head_timestamp_seconds) > {limit.CHAIN_HALTED_S}"
            f" and on (chain) {_HEAD_FETCHED_AGE} < {limit.HEAD_FRESH_S}",
            "{{ $labels.chain }} has made no block for {{ $value | humanizeDuration }}",
            "The endpoints of {{ $labels.chain }} answer, but its newest block is more than "
            f"{limit.CHAIN_HALTED_S} s old: the chain itself stands still, or all endpoints are stuck together.",
            _BOARD,
        ),
        Alert(
            "IndexerBackfillStalled",
            "warning",
            "indexer",
            "5m",
            "max by (chain) (usdx_indexer_backfill_active) == 1 and on (chain)"
            " sum by (chain) (increase(usdx_indexer_blocks_processed_total[15m])) == 0",
            "The backfill of {{ $labels.chain }} stands still",
            "{{ $labels.chain }} is being backfilled, and not one block was committed within 15 minutes.",
            _BOARD,
        ),
        Alert(
            "DeepReorg",
            "warning",
            "indexer",
            "0m",
            f"{_reorgs('+Inf')} - {_reorgs(f'{limit.DEEP_REORG_BLOCKS:.1f}')} > 0",
            "{{ $labels.chain }} reorganised deeper than usual",
            f"Within 15 minutes {{{{ $labels.chain }}}} had a reorganisation deeper than {limit.DEEP_REORG_BLOCKS} "
            "blocks. Rows were rolled back and replaced; whoever acted on them should look.",
            _BOARD,
            keep_firing="15m",
        ),
        Alert(
            "IndexerDecodeErrors",
            "warning",
            "indexer",
            "0m",
            "sum by (chain) (increase(usdx_indexer_decode_errors_total[15m])) > 0",
            "Logs of {{ $labels.chain }} cannot be decoded",
            "Within 15 minutes logs of {{ $labels.chain }} did not fit the ABI. They are kept raw with the reason and "
            "can be decoded once the ABI is mended.",
            _BOARD,
        ),
        Alert(
            "IndexerUnknownImplementation",
            "warning",
            "indexer",
            "5m",
            "max by (chain, stream) (usdx_indexer_unknown_implementations) > 0",
            "A proxy of {{ $labels.stream }} was upgraded, and its new events may be unknown",
            "For five minutes {{ $value }} proxies of {{ $labels.stream }} on {{ $labels.chain }} have forwarded to an "
            "implementation that the configured ABIs are not known to be for. Events that it brought are not indexed.",
            _BOARD,
        ),
        Alert(
            "AuditViolationsOpen",
            "warning",
            "indexer",
            "5m",
            f"sum by (chain, stream) ({_OPEN_VIOLATIONS}) > 0",
            "{{ $value }} stored rows of {{ $labels.stream }} differ from the chain",
            "An audit found {{ $value }} rows of {{ $labels.stream }} on {{ $labels.chain }} that are missing, wrong "
            "or invented, and nobody has repaired them for five minutes.",
            _BOARD,
        ),
    ),
)
