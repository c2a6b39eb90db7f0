-- Everybody who ever received a wexel. Whoever received one by purchase is a user like the depositors. Grouped in the
-- order of vault_transfer's index on receiver: one page (order by address, chain_id) reads only that page's transfers.
CREATE VIEW wexel.users AS
SELECT
  (SELECT c.chain FROM usdx.chains c WHERE c.chain_id = t.chain_id) AS chain,
  t.chain_id,
  t.receiver AS address,
  min(t.block_time) AS first_seen_at,
  max(t.block_time) AS last_received_at,
  count(*) AS wexels_received,
  count(*) FILTER (WHERE t.sender = decode(repeat('00', 20), 'hex')) AS deposits
FROM wexel.vault_transfer t
WHERE t.receiver <> decode(repeat('00', 20), 'hex')
GROUP BY t.receiver, t.chain_id;
