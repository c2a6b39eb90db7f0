-- Who holds which wexel: the quick way from an owner to their wexels, with vault_transfer's index on receiver.
-- The holder is who received it last; the one of a redeemed wexel is who redeemed it.
CREATE VIEW wexel.holdings AS
SELECT
  t.chain_id,
  t.token_id AS wexel_id,
  t.receiver AS owner,
  t.block_time AS since
FROM wexel.vault_transfer t
WHERE t.receiver <> decode(repeat('00', 20), 'hex')
  AND NOT EXISTS (
    SELECT 1 FROM wexel.vault_transfer later
    WHERE later.chain_id = t.chain_id AND later.token_id = t.token_id
      AND later.receiver <> decode(repeat('00', 20), 'hex')
      AND (later.block_number, later.log_index) > (t.block_number, t.log_index)
  );
