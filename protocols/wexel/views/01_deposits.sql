-- Every deposit, as it happened. USD in dollars, exact to six decimals.
CREATE VIEW wexel.deposits AS
SELECT
  c.chain,
  e.chain_id,
  e.id AS wexel_id,
  e.pool_id,
  e.owner AS depositor,
  e.principal_usd * 0.000001 AS principal_usd,
  e.apy_bp,
  e.block_time AS deposited_at,
  e.block_number,
  e.log_index,
  e.tx_hash
FROM wexel.vault_wexel_created e
JOIN usdx.chains c ON c.chain_id = e.chain_id;
