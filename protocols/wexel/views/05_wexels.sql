-- Every wexel as it stands: active until redeemed; collateralized and listed are conditions of an active one.
-- The owner of a redeemed wexel is who redeemed it. Each lookup finds its rows by an index, so that one wexel or one
-- page of them costs the same however many there are.
CREATE VIEW wexel.wexels AS
SELECT
  c.chain,
  e.chain_id,
  e.id AS wexel_id,
  e.pool_id,
  holder.receiver AS owner,
  CASE WHEN redeemed.block_time IS NULL THEN 'active' ELSE 'redeemed' END AS state,
  e.principal_usd * 0.000001 AS principal_usd,
  e.apy_bp + boosts.boost_bp AS apy_bp,
  boosts.boost_bp,
  boosts.boost_usd,
  claims.claimed_usd,
  loan.loan_usd IS NOT NULL AS collateralized,
  coalesce(loan.loan_usd, 0) * 0.000001 AS loan_usd,
  listing.listing_id,
  listing.ask_usd * 0.000001 AS ask_usd,
  e.block_time AS created_at,
  to_timestamp(e.matures_at) AS matures_at,
  redeemed.block_time AS redeemed_at,
  e.block_number AS created_block,
  e.tx_hash AS created_tx
FROM wexel.vault_wexel_created e
JOIN usdx.chains c ON c.chain_id = e.chain_id
LEFT JOIN LATERAL (
  SELECT t.receiver FROM wexel.vault_transfer t
  WHERE t.chain_id = e.chain_id AND t.token_id = e.id AND t.receiver <> decode(repeat('00', 20), 'hex')
  ORDER BY t.block_number DESC, t.log_index DESC LIMIT 1
) holder ON true
LEFT JOIN LATERAL (
  SELECT r.block_time FROM wexel.vault_redeemed r WHERE r.chain_id = e.chain_id AND r.wexel_id = e.id LIMIT 1
) redeemed ON true
CROSS JOIN LATERAL (
  SELECT coalesce(sum(b.apy_boost_bp), 0)::bigint AS boost_bp, coalesce(sum(b.value_usd), 0) * 0.000001 AS boost_usd
  FROM wexel.vault_boost_applied b WHERE b.chain_id = e.chain_id AND b.wexel_id = e.id
) boosts
CROSS JOIN LATERAL (
  SELECT coalesce(sum(p.amount_usd), 0) * 0.000001 AS claimed_usd
  FROM wexel.vault_claimed p WHERE p.chain_id = e.chain_id AND p.wexel_id = e.id
) claims
LEFT JOIN LATERAL (
  SELECT l.loan_usd FROM (
    SELECT o.loan_usd, o.block_number, o.log_index FROM wexel.vault_collateralized o
    WHERE o.chain_id = e.chain_id AND o.wexel_id = e.id
    ORDER BY o.block_number DESC, o.log_index DESC LIMIT 1
  ) l
  WHERE NOT EXISTS (
    SELECT 1 FROM wexel.vault_loan_repaid r
    WHERE r.chain_id = e.chain_id AND r.wexel_id = e.id AND (r.block_number, r.log_index) > (l.block_number, l.log_index)
  )
) loan ON true
LEFT JOIN LATERAL (
  SELECT n.listing_id, n.ask_usd FROM (
    SELECT o.listing_id, o.ask_usd FROM wexel.marketplace_listed o
    WHERE o.chain_id = e.chain_id AND o.wexel_id = e.id
    ORDER BY o.block_number DESC, o.log_index DESC LIMIT 1
  ) n
  WHERE NOT EXISTS (SELECT 1 FROM wexel.marketplace_sold s WHERE s.chain_id = e.chain_id AND s.listing_id = n.listing_id)
    AND NOT EXISTS (
      SELECT 1 FROM wexel.marketplace_listing_cancelled x WHERE x.chain_id = e.chain_id AND x.listing_id = n.listing_id
    )
) listing ON true;
