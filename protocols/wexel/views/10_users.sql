-- Everybody who ever received a wexel. Whoever received one by purchase is a user like the depositors.
CREATE VIEW wexel.users AS
SELECT
  c.chain,
  t.chain_id,
  t.receiver AS address,
  min(t.block_time) AS first_seen_at,
  max(t.block_time) AS last_received_at,
  count(*) AS wexels_received,
  count(*) FILTER (WHERE t.sender = decode(repeat('00', 20), 'hex')) AS deposits
FROM wexel.vault_transfer t
JOIN usdx.chains c ON c.chain_id = t.chain_id
WHERE t.receiver <> decode(repeat('00', 20), 'hex')
GROUP BY c.chain, t.chain_id, t.receiver;
