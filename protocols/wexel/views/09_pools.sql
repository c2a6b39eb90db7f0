-- Every pool with its terms and what is in it.
CREATE VIEW wexel.pools AS
SELECT
  c.chain,
  e.chain_id,
  e.pool_id,
  e.apy_bp,
  e.lock_months,
  coalesce(w.value_locked_usd, 0) * 0.000001 AS value_locked_usd,
  coalesce(w.active_wexels, 0) AS active_wexels,
  coalesce(w.deposits, 0) AS deposits,
  coalesce(w.deposited_usd, 0) * 0.000001 AS deposited_usd,
  w.last_deposit_at,
  e.block_time AS created_at,
  e.block_number AS created_block
FROM wexel.vault_pool_created e
JOIN usdx.chains c ON c.chain_id = e.chain_id
LEFT JOIN (
  SELECT
    d.chain_id,
    d.pool_id,
    count(*) AS deposits,
    sum(d.principal_usd) AS deposited_usd,
    count(*) FILTER (WHERE r.wexel_id IS NULL) AS active_wexels,
    sum(d.principal_usd) FILTER (WHERE r.wexel_id IS NULL) AS value_locked_usd,
    max(d.block_time) AS last_deposit_at
  FROM wexel.vault_wexel_created d
  LEFT JOIN wexel.vault_redeemed r ON r.chain_id = d.chain_id AND r.wexel_id = d.id
  GROUP BY d.chain_id, d.pool_id
) w ON w.chain_id = e.chain_id AND w.pool_id = e.pool_id;
