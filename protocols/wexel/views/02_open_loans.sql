-- Loans that are not repaid: at most one a wexel.
CREATE VIEW wexel.open_loans AS
SELECT e.chain_id, e.wexel_id, e.loan_usd * 0.000001 AS loan_usd, e.block_time AS opened_at
FROM wexel.vault_collateralized e
WHERE NOT EXISTS (
  SELECT 1 FROM wexel.vault_loan_repaid r
  WHERE r.chain_id = e.chain_id AND r.wexel_id = e.wexel_id
    AND (r.block_number, r.log_index) > (e.block_number, e.log_index)
);
