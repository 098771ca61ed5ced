-- What lists and counts of a hundred thousand alerts need to be quick.

-- Of the alert, repeated here to count accounts by.
ALTER TABLE alert_accounts ADD COLUMN raised_at BIGINT NOT NULL DEFAULT 0;
UPDATE alert_accounts SET raised_at = COALESCE(
    (SELECT alerts.raised_at FROM alerts WHERE alerts.number = alert_accounts.alert), 0);
CREATE INDEX alert_accounts_by_time ON alert_accounts (account, raised_at, alert);
DROP INDEX alert_accounts_by_account;

-- A queue is sorted by score or amount, of one typology or state.
CREATE INDEX alerts_by_typology_score ON alerts (typology, score_permille, number);
CREATE INDEX alerts_by_typology_amount ON alerts (typology, amount_rank, number);
CREATE INDEX alerts_by_state_score ON alerts (state, score_permille, number);
CREATE INDEX alerts_by_state_amount ON alerts (state, amount_rank, number);
CREATE INDEX alerts_by_outcome ON alerts (outcome, raised_at, number);
CREATE INDEX alerts_by_time_typology ON alerts (raised_at, typology, outcome);
