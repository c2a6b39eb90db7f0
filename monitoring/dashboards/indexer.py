"""Is every chain followed, and what holds it up?"""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.dashboards import overview
from monitoring.dashboards.model import CHAIN, Board, Panel, Query, Row, one

_C = '{@,chain=~"$chain"}'

BOARD = Board(
    "usdx-indexer",
    "Indexer",
    "Lag, throughput, reorganisations and errors of each chain.",
    (
        Row(
            "Is it at the tip?",
            (
                Panel(
                    "Lag and its threshold",
                    "Age of the newest committed block; IndexerHighLag fires above the threshold.",
                    (
                        Query(f"max by (chain) (usdx_indexer_lag_seconds{_C})", "{{chain}}"),
                        Query(f"max by (chain) (usdx_indexer_lag_threshold_seconds{_C})", "{{chain}} threshold"),
                    ),
                    unit="s",
                ),
                Panel(
                    "Blocks behind",
                    "The head minus the last committed block. Means nothing while no node tells a head.",
                    one(
                        f"max by (chain) (usdx_indexer_chain_head_block{_C})"
                        f" - max by (chain) (usdx_indexer_last_block{_C})",
                        "{{chain}}",
                    ),
                ),
                Panel(
                    "Head, committed and finalized block",
                    "Three lines that should run together.",
                    (
                        Query(f"max by (chain) (usdx_indexer_chain_head_block{_C})", "{{chain}} head"),
                        Query(f"max by (chain) (usdx_indexer_last_block{_C})", "{{chain}} committed"),
                        Query(f"max by (chain) (usdx_indexer_finalized_block{_C})", "{{chain}} finalized"),
                    ),
                    least=None,
                ),
                Panel(
                    "Halted or in a backfill",
                    "1 when the chain's worker stopped on an error, or while history is being read.",
                    (
                        Query(f"max by (chain) (usdx_indexer_halted{_C})", "{{chain}} halted"),
                        Query(f"max by (chain) (usdx_indexer_backfill_active{_C})", "{{chain}} backfill"),
                    ),
                    bad=1,
                ),
            ),
        ),
        Row(
            "Throughput",
            (
                Panel(
                    "Blocks a second",
                    "Blocks committed.",
                    one(
                        f"sum by (chain) (rate(usdx_indexer_blocks_processed_total{_C}[$__rate_interval]))", "{{chain}}"
                    ),
                    unit="ops",
                ),
                overview.EVENTS,
                Panel(
                    "Time per batch by stage",
                    "Mean duration of fetching, decoding and storing.",
                    one(
                        f"sum by (chain, stage) (rate(usdx_indexer_batch_duration_seconds_sum{_C}[$__rate_interval]))"
                        f" / (sum by (chain, stage)"
                        f" (rate(usdx_indexer_batch_duration_seconds_count{_C}[$__rate_interval])) > 0)",
                        "{{chain}} {{stage}}",
                    ),
                    unit="s",
                    stacked=True,
                ),
                Panel(
                    "Delay from block to row",
                    "From a block's timestamp to its commit, live blocks only.",
                    one(f"sum by (le) (rate(usdx_indexer_block_delay_seconds_bucket{_C}[$__rate_interval]))", "{{le}}"),
                    unit="s",
                    kind="heatmap",
                ),
            ),
        ),
        Row(
            "Trouble",
            (
                Panel(
                    "Reorganisations an hour",
                    "Forks that were handled.",
                    one(f"sum by (chain) (increase(usdx_indexer_reorgs_total{_C}[1h]))", "{{chain}}"),
                    kind="bars",
                ),
                Panel(
                    "Depth of reorganisations (p99)",
                    "DeepReorg fires at the red line.",
                    one(
                        "histogram_quantile(0.99, sum by (chain, le)"
                        f" (increase(usdx_indexer_reorg_depth_blocks_bucket{_C}[1h]))) >= 0 or"
                        f" 0 * max by (chain) (usdx_indexer_last_block{_C})",
                        "{{chain}}",
                    ),
                    bad=limit.DEEP_REORG_BLOCKS,
                ),
                Panel(
                    "Events rolled back an hour",
                    "Rows that a reorganisation took away.",
                    one(
                        f"sum by (chain, type) (increase(usdx_indexer_events_reverted_total{_C}[1h]))",
                        "{{chain}} {{type}}",
                    ),
                    kind="bars",
                ),
                Panel(
                    "Logs that could not be decoded",
                    "Kept raw with their reason; any at all raises IndexerDecodeErrors.",
                    one(f"sum by (chain) (increase(usdx_indexer_decode_errors_total{_C}[1h]))", "{{chain}}"),
                    kind="bars",
                    bad=1,
                ),
            ),
        ),
        Row(
            "Is it the truth?",
            (
                Panel(
                    "Audited part",
                    "Part of the stored final blocks that `usdx audit` found or put in order.",
                    one(f"min by (chain, stream) (usdx_indexer_audited_ratio{_C})", "{{chain}} {{stream}}"),
                    unit="percentunit",
                ),
                Panel(
                    "Rows that differ from the chain",
                    "What audits found and nobody has repaired; any at all raises AuditViolationsOpen.",
                    one(
                        "sum by (chain, kind) (max by (chain, stream, kind)"
                        """ (usdx_indexer_audit_violations{@,chain=~"$chain",state="open"}))""",
                        "{{chain}} {{kind}}",
                    ),
                    bad=1,
                ),
                Panel(
                    "Proxies with an unknown implementation",
                    "Upgraded to one whose ABI may be missing; any at all raises IndexerUnknownImplementation.",
                    one(
                        f"sum by (chain) (max by (chain, stream) (usdx_indexer_unknown_implementations{_C}))"
                        f" or 0 * max by (chain) (usdx_indexer_last_block{_C})",
                        "{{chain}}",
                    ),
                    bad=1,
                ),
                Panel(
                    "Upgrades of proxies a day",
                    "Changes of the implementation behind a configured address.",
                    one(f"sum by (chain) (increase(usdx_indexer_proxy_upgrades_total{_C}[1d]))", "{{chain}}"),
                    kind="bars",
                ),
            ),
        ),
    ),
    (CHAIN,),
)
