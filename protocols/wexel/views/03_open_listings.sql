-- Offers that are neither sold nor cancelled: at most one a wexel.
CREATE VIEW wexel.open_listings AS
SELECT e.chain_id, e.listing_id, e.wexel_id, e.ask_usd * 0.000001 AS ask_usd, e.block_time AS listed_at
FROM wexel.marketplace_listed e
WHERE NOT EXISTS (
    SELECT 1 FROM wexel.marketplace_sold s WHERE s.chain_id = e.chain_id AND s.listing_id = e.listing_id
  )
  AND NOT EXISTS (
    SELECT 1 FROM wexel.marketplace_listing_cancelled x WHERE x.chain_id = e.chain_id AND x.listing_id = e.listing_id
  );
