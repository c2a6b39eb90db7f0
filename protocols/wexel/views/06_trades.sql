-- Every sale on the marketplace, as it happened.
CREATE VIEW wexel.trades AS
SELECT
  c.chain,
  e.chain_id,
  e.listing_id,
  e.wexel_id,
  l.seller,
  e.buyer,
  e.price_usd * 0.000001 AS price_usd,
  e.block_time AS traded_at,
  e.block_number,
  e.log_index,
  e.tx_hash
FROM wexel.marketplace_sold e
JOIN usdx.chains c ON c.chain_id = e.chain_id
LEFT JOIN wexel.marketplace_listed l ON l.chain_id = e.chain_id AND l.listing_id = e.listing_id;
