-- Which change of a webhook is the last: nobody overwrites what they have not seen.
ALTER TABLE webhooks ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
