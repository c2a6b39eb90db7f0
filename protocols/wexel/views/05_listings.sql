-- Every offer on the marketplace and how it ended: open, sold or cancelled.
CREATE VIEW wexel.listings AS
SELECT
  c.chain,
  e.chain_id,
  e.listing_id,
  e.wexel_id,
  e.seller,
  e.ask_usd * 0.000001 AS ask_usd,
  CASE WHEN s.listing_id IS NOT NULL THEN 'sold' WHEN x.listing_id IS NOT NULL THEN 'cancelled' ELSE 'open' END AS state,
  s.buyer,
  e.block_time AS listed_at,
  coalesce(s.block_time, x.block_time) AS closed_at,
  e.block_number,
  e.log_index,
  e.tx_hash
FROM wexel.marketplace_listed e
JOIN usdx.chains c ON c.chain_id = e.chain_id
LEFT JOIN wexel.marketplace_sold s ON s.chain_id = e.chain_id AND s.listing_id = e.listing_id
LEFT JOIN wexel.marketplace_listing_cancelled x ON x.chain_id = e.chain_id AND x.listing_id = e.listing_id;
