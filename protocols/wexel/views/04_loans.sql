-- Every loan against a wexel; repaid by the first repayment of that wexel after it. The borrower is whoever held the
-- wexel then: a collateralized wexel cannot move.
CREATE VIEW wexel.loans AS
SELECT
  c.chain,
  e.chain_id,
  e.wexel_id,
  (SELECT t.receiver FROM wexel.vault_transfer t
   WHERE t.chain_id = e.chain_id AND t.token_id = e.wexel_id
     AND (t.block_number, t.log_index) < (e.block_number, e.log_index)
   ORDER BY t.block_number DESC, t.log_index DESC LIMIT 1) AS borrower,
  e.loan_usd * 0.000001 AS loan_usd,
  (SELECT w.principal_usd * 0.000001 FROM wexel.vault_wexel_created w
   WHERE w.chain_id = e.chain_id AND w.id = e.wexel_id) AS collateral_usd,
  CASE WHEN (
    SELECT r.wexel_id FROM wexel.vault_loan_repaid r
    WHERE r.chain_id = e.chain_id AND r.wexel_id = e.wexel_id
      AND (r.block_number, r.log_index) > (e.block_number, e.log_index)
    LIMIT 1
  ) IS NULL THEN 'open' ELSE 'repaid' END AS state,
  e.block_time AS opened_at,
  (SELECT r.block_time FROM wexel.vault_loan_repaid r
   WHERE r.chain_id = e.chain_id AND r.wexel_id = e.wexel_id
     AND (r.block_number, r.log_index) > (e.block_number, e.log_index)
   ORDER BY r.block_number, r.log_index LIMIT 1) AS repaid_at,
  e.block_number,
  e.log_index,
  e.tx_hash
FROM wexel.vault_collateralized e
JOIN usdx.chains c ON c.chain_id = e.chain_id;
