-- Packed events, ratings, the quarantine as a place to work, reports by source, sealed months, rating anew.
-- The words are those of 0001 and 0002, and {as_it_is}, which keeps Postgres from compressing what is packed.

-- how events were rated: the price version, and what beside model, time and counts decides a price
CREATE TABLE rating (
    num BIGINT PRIMARY KEY,
    version TEXT NOT NULL,
    provider TEXT NOT NULL,
    tier TEXT NOT NULL,
    batch BOOLEAN NOT NULL,
    UNIQUE (version, provider, tier, batch)
);
INSERT INTO rating (num, version, provider, tier, batch) SELECT num, version, '', '', FALSE FROM price;
DROP TABLE price;
ALTER TABLE event RENAME COLUMN price TO rating;
ALTER TABLE correction RENAME COLUMN price TO rating;

-- Numbers of series and ratings are counted, so that several writers can make them at once.
INSERT INTO meta (name, value) SELECT 'series_num', COALESCE(MAX(num), 0) FROM series;
INSERT INTO meta (name, value) SELECT 'rating_num', COALESCE(MAX(num), 0) FROM rating;

-- many events of one month in one row, packed by columns; version is that of the commit
CREATE TABLE segment (
    num BIGINT PRIMARY KEY,
    version BIGINT NOT NULL,
    month BIGINT NOT NULL,
    min_ts BIGINT NOT NULL,
    max_ts BIGINT NOT NULL,
    events BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    body {bytes} NOT NULL
);
CREATE INDEX segment_time ON segment (max_ts, min_ts);
CREATE INDEX segment_month ON segment (month);
CREATE INDEX segment_version ON segment (version);
{as_it_is};

-- what each commit booked: JSON list of [project, month, amount], and how many of its events are rows of event
ALTER TABLE ledger_batch ADD COLUMN booked TEXT;
ALTER TABLE ledger_batch ADD COLUMN row_events BIGINT NOT NULL DEFAULT 1;

-- run: the rating anew that made a correction
ALTER TABLE correction ADD COLUMN run TEXT NOT NULL DEFAULT '';
CREATE INDEX correction_run ON correction (run) WHERE run <> '';

-- a month that was rated anew; model '' is all
CREATE TABLE rerate (
    id TEXT PRIMARY KEY,
    month BIGINT NOT NULL,
    model TEXT NOT NULL,
    actor TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    undone_at BIGINT,
    events BIGINT NOT NULL,
    difference BIGINT NOT NULL
);
CREATE INDEX rerate_month ON rerate (month, started_at);

-- spot: the first byte that is wrong; kept: the bytes of raw, none once it was cut for room
ALTER TABLE quarantine ADD COLUMN spot BIGINT;
ALTER TABLE quarantine ADD COLUMN tries BIGINT NOT NULL DEFAULT 1;
ALTER TABLE quarantine ADD COLUMN kept BIGINT NOT NULL DEFAULT 0;
UPDATE quarantine SET kept = LENGTH(raw);
CREATE INDEX quarantine_reason ON quarantine (reason, at);
CREATE INDEX quarantine_source ON quarantine (source, at);
CREATE INDEX quarantine_kept ON quarantine (at) WHERE kept > 0;
-- the sum of kept; whoever changes the quarantine locks this row first
INSERT INTO meta (name, value) SELECT 'quarantine_kept', CAST(COALESCE(SUM(kept), 0) AS BIGINT) FROM quarantine;

-- counts of all that ever was in the quarantine; what is there now is seen - retried - forgotten - dropped
CREATE TABLE quarantine_tally (
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    seen BIGINT NOT NULL,
    retried BIGINT NOT NULL,
    forgotten BIGINT NOT NULL,
    dropped BIGINT NOT NULL,
    PRIMARY KEY (source, reason)
) {clustered};
INSERT INTO quarantine_tally (source, reason, seen, retried, forgotten, dropped)
SELECT source, reason, COUNT(*), 0, 0, 0 FROM quarantine GROUP BY source, reason;

-- what came from each source on each day of arrival (days since 1970)
CREATE TABLE source_day (
    source TEXT NOT NULL,
    day BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    ignored BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    duplicates BIGINT NOT NULL,
    amended BIGINT NOT NULL,
    late BIGINT NOT NULL,
    early BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    cost_differs BIGINT NOT NULL,
    spend BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    last_event_at BIGINT,
    PRIMARY KEY (source, day)
) {clustered};

-- requests with an idempotency key, and what they were answered
CREATE TABLE receipt (
    key TEXT PRIMARY KEY,
    body {bytes} NOT NULL,
    at BIGINT NOT NULL,
    answer TEXT NOT NULL
);
CREATE INDEX receipt_at ON receipt (at);

-- a month whose events were dropped, with what they came to; state: sealed (being dropped) or dropped
CREATE TABLE sealed_month (
    month BIGINT PRIMARY KEY,
    sealed_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    events BIGINT NOT NULL,
    corrections BIGINT NOT NULL,
    cost BIGINT NOT NULL
);
CREATE TABLE sealed_project (
    month BIGINT NOT NULL,
    project BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (month, project)
) {clustered};
-- the last month that is closed; 0: none
INSERT INTO meta (name, value) VALUES ('closed_through', 0);

INSERT INTO meta (name, value) VALUES ('retention_months', 13) ON CONFLICT DO NOTHING;
INSERT INTO meta (name, value) VALUES ('quarantine_bytes', 268435456) ON CONFLICT DO NOTHING;
