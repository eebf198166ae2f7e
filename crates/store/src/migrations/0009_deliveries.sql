-- Whom an alert is told, on which way, and what came of it (R27). The alert itself is what waits to be told: planned_at is
-- when its deliveries were written down. Those of before this table are nobody's news any more.
ALTER TABLE alert ADD COLUMN planned_at BIGINT;
UPDATE alert SET planned_at = at;
CREATE INDEX alert_unplanned ON alert (at, id) WHERE planned_at IS NULL;

-- state: waiting, sent, no_channel, undeliverable, given_up. Who sends it claims it until a time, so that no other daemon
-- does meanwhile; keep_until is when trying ends.
CREATE TABLE delivery (
    id TEXT PRIMARY KEY,
    alert_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    recipient_id TEXT NOT NULL,
    address TEXT NOT NULL,
    message_id TEXT NOT NULL,
    state TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    keep_until BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    claimed_by TEXT,
    claimed_until BIGINT,
    sent_at BIGINT,
    receipt TEXT,
    error TEXT,
    given_up_at BIGINT
);
CREATE INDEX delivery_due ON delivery (due_at, id) WHERE state = 'waiting';
CREATE INDEX delivery_no_channel ON delivery (channel) WHERE state = 'no_channel';
CREATE INDEX delivery_state ON delivery (state, made_at, id);
CREATE INDEX delivery_alert ON delivery (alert_id);
CREATE INDEX delivery_made ON delivery (made_at, id);
