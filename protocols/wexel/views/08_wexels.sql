-- Every wexel as it stands: active until redeemed; collateralized and listed are conditions of an active one.
-- The owner of a redeemed wexel is who redeemed it. What is looked up is looked up for the rows and columns that are
-- asked for, by index: one wexel or one page (order by chain_id, wexel_id) costs the same however many there are. For
-- one owner's wexels go through holdings:
--   SELECT w.* FROM wexel.holdings h JOIN wexel.wexels w USING (chain_id, wexel_id) WHERE h.owner = …
CREATE VIEW wexel.wexels AS
SELECT
  c.chain,
  e.chain_id,
  e.id AS wexel_id,
  e.pool_id,
  (SELECT t.receiver FROM wexel.vault_transfer t
   WHERE t.chain_id = e.chain_id AND t.token_id = e.id AND t.receiver <> decode(repeat('00', 20), 'hex')
   ORDER BY t.block_number DESC, t.log_index DESC LIMIT 1) AS owner,
  CASE WHEN (SELECT r.block_time FROM wexel.vault_redeemed r WHERE r.chain_id = e.chain_id AND r.wexel_id = e.id) IS NULL
    THEN 'active' ELSE 'redeemed' END AS state,  -- EXISTS would be hashed over the whole table, even for one page
  e.principal_usd * 0.000001 AS principal_usd,
  e.apy_bp + (SELECT coalesce(sum(b.apy_boost_bp), 0)::bigint FROM wexel.vault_boost_applied b
              WHERE b.chain_id = e.chain_id AND b.wexel_id = e.id) AS apy_bp,
  (SELECT coalesce(sum(b.apy_boost_bp), 0)::bigint FROM wexel.vault_boost_applied b
   WHERE b.chain_id = e.chain_id AND b.wexel_id = e.id) AS boost_bp,
  (SELECT coalesce(sum(b.value_usd), 0) * 0.000001 FROM wexel.vault_boost_applied b
   WHERE b.chain_id = e.chain_id AND b.wexel_id = e.id) AS boost_usd,
  (SELECT coalesce(sum(p.amount_usd), 0) * 0.000001 FROM wexel.vault_claimed p
   WHERE p.chain_id = e.chain_id AND p.wexel_id = e.id) AS claimed_usd,
  (SELECT l.loan_usd FROM wexel.open_loans l WHERE l.chain_id = e.chain_id AND l.wexel_id = e.id) IS NOT NULL
    AS collateralized,
  coalesce((SELECT l.loan_usd FROM wexel.open_loans l WHERE l.chain_id = e.chain_id AND l.wexel_id = e.id), 0)
    AS loan_usd,
  (SELECT o.listing_id FROM wexel.open_listings o WHERE o.chain_id = e.chain_id AND o.wexel_id = e.id) AS listing_id,
  (SELECT o.ask_usd FROM wexel.open_listings o WHERE o.chain_id = e.chain_id AND o.wexel_id = e.id) AS ask_usd,
  e.block_time AS created_at,
  to_timestamp(e.matures_at) AS matures_at,
  (SELECT r.block_time FROM wexel.vault_redeemed r WHERE r.chain_id = e.chain_id AND r.wexel_id = e.id) AS redeemed_at,
  e.block_number AS created_block,
  e.tx_hash AS created_tx
FROM wexel.vault_wexel_created e
JOIN usdx.chains c ON c.chain_id = e.chain_id;
