"""The one source of every limit that a rule, a dashboard or a page of the docs names."""

from __future__ import annotations

from datetime import timedelta

# A worker and its world
SERVICE_DOWN_FOR = timedelta(minutes=1)
SERVICE_MISSING_FOR = timedelta(minutes=2)
FLAPPING_RESTARTS = 2
TASK_RESTARTS = 3
EVENT_LOOP_LAG_S = 0.5

# Requests
ERROR_RATIO = 0.05
ELEVATED_ERROR_RATIO = 0.01
TRAFFIC_FLOOR_RPS = 0.02
RESPONSE_TIME_P95_S = 3

# Database
QUERY_TIME_P95_S = 1
DATABASE_ERROR_RATIO = 0.01
POOL_USED_RATIO = 0.9

# Indexer: the lag threshold itself differs per chain and is a gauge, usdx_indexer_lag_threshold_seconds
CRITICAL_LAG_FACTOR = 6
HEAD_STALE_S = 120
HEAD_FRESH_S = 60
CHAIN_HALTED_S = 300
DEEP_REORG_BLOCKS = 8

# Nodes
RPC_ERROR_RATIO = 0.1
RPC_LAG_BLOCKS = 20

# Oracle: heartbeat and quorum differ per asset and are gauges
ORACLE_ERRORS_PER_S = 0.1
ORACLE_ERROR_RATIO = 0.5
PRICE_DEVIATION_RATIO = 0.02
PRICE_JUMP_RATIO = 0.1
DEPEG_RATIO = 0.01
STABLECOINS = ("USDT", "USDC", "DAI", "USDX")

# Business
TVL_DROP_RATIO = 0.10
ACTIVE_WEXELS_DROP_RATIO = 0.20
NO_DEPOSITS_S = 4 * 3600
NO_TRADES_S = 24 * 3600
BUSINESS_STALE_S = 900
COLLATERAL_RATIO = 1.2
POOL_SUM_ERROR_RATIO = 0.001

# Monitoring of the monitoring
WATCHDOG_SILENT_S = 300
UNACKNOWLEDGED_S = 900
BACKUP_AGE_S = 26 * 3600
CERTIFICATE_LEFT_S = 14 * 86400
