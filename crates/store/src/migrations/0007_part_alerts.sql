-- alerts of budgets within a project as well, whose scope is the project: part_kind is model, member or key, '' for the
-- scope's own. A table's key cannot be widened on both engines, so it is written anew.
CREATE TABLE alert_with_parts (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    scope_kind TEXT NOT NULL,
    scope_id TEXT NOT NULL,
    part_kind TEXT NOT NULL,
    part_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    month BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    spend BIGINT NOT NULL,
    at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    UNIQUE (scope_id, part_kind, part_id, kind, month, amount)
);
INSERT INTO alert_with_parts (id, organization_id, scope_kind, scope_id, part_kind, part_id, kind, month, amount, spend, at,
    acknowledged_at)
SELECT id, organization_id, scope_kind, scope_id, '', '', kind, month, amount, spend, at, acknowledged_at FROM alert;
DROP TABLE alert;
ALTER TABLE alert_with_parts RENAME TO alert;
CREATE INDEX alert_month ON alert (month, at);
CREATE INDEX alert_organization ON alert (organization_id, at);
