-- beside those of the administration API, which has no such field
ALTER TABLE rate_limit ADD COLUMN max_tokens_per_1_day BIGINT;
