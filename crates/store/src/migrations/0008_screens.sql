-- What screens ask for at once, kept so that they need not add it up. The words are those of 0001.

CREATE INDEX project_default ON project (organization_id) WHERE is_default;

-- Sums by scope: a project's number; for an organization with its sub-organizations the number of its default project,
-- negative; 0 for all. The fold writes them with the other roll-ups; what it has not folded yet is in spend_delta.
CREATE TABLE scope_hour (
    scope BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    PRIMARY KEY (scope, bucket)
) {clustered};
CREATE TABLE scope_day (
    scope BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    PRIMARY KEY (scope, bucket)
) {clustered};
CREATE TABLE scope_month (
    bucket BIGINT NOT NULL,
    scope BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    PRIMARY KEY (bucket, scope)
) {clustered};

INSERT INTO scope_hour (scope, bucket, requests, cost)
SELECT scope, bucket, CAST(SUM(requests) AS BIGINT), CAST(SUM(cost) AS BIGINT) FROM (
    SELECT project AS scope, bucket, requests, cost FROM spend_hour
    UNION ALL SELECT 0, bucket, requests, cost FROM spend_hour
    UNION ALL SELECT -h.num, s.bucket, s.requests, s.cost FROM spend_hour s JOIN project p ON p.num = s.project
        JOIN project h ON h.organization_id = p.organization_id AND h.is_default
    UNION ALL SELECT -h.num, s.bucket, s.requests, s.cost FROM spend_hour s JOIN project p ON p.num = s.project
        JOIN organization o ON o.id = p.organization_id
        JOIN project h ON h.organization_id = o.parent_id AND h.is_default
) AS parts GROUP BY scope, bucket;
INSERT INTO scope_day (scope, bucket, requests, cost)
SELECT scope, bucket / 24, CAST(SUM(requests) AS BIGINT), CAST(SUM(cost) AS BIGINT) FROM scope_hour GROUP BY scope, bucket / 24;
INSERT INTO scope_month (bucket, scope, requests, cost)
SELECT bucket, scope, CAST(SUM(requests) AS BIGINT), CAST(SUM(cost) AS BIGINT) FROM (
    SELECT bucket, project AS scope, requests, cost FROM spend_month
    UNION ALL SELECT bucket, 0, requests, cost FROM spend_month
    UNION ALL SELECT s.bucket, -h.num, s.requests, s.cost FROM spend_month s JOIN project p ON p.num = s.project
        JOIN project h ON h.organization_id = p.organization_id AND h.is_default
    UNION ALL SELECT s.bucket, -h.num, s.requests, s.cost FROM spend_month s JOIN project p ON p.num = s.project
        JOIN organization o ON o.id = p.organization_id
        JOIN project h ON h.organization_id = o.parent_id AND h.is_default
) AS parts GROUP BY bucket, scope;

-- month sums of each key, member and model within an organization; '' where usage names none
CREATE TABLE share_month (
    bucket BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    requests BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    PRIMARY KEY (bucket, kind, id, organization_id)
) {clustered};
INSERT INTO share_month (bucket, kind, id, organization_id, requests, cost)
SELECT bucket, kind, id, organization_id, CAST(SUM(requests) AS BIGINT), CAST(SUM(cost) AS BIGINT) FROM (
    SELECT s.bucket, 'key' AS kind, g.key_id AS id, g.organization_id, s.requests, s.cost
        FROM spend_month s JOIN series g ON g.num = s.series
    UNION ALL SELECT s.bucket, 'member', g.member_id, g.organization_id, s.requests, s.cost
        FROM spend_month s JOIN series g ON g.num = s.series
    UNION ALL SELECT s.bucket, 'model', g.model, g.organization_id, s.requests, s.cost
        FROM spend_month s JOIN series g ON g.num = s.series
) AS parts GROUP BY bucket, kind, id, organization_id;
CREATE INDEX share_month_cost ON share_month (bucket, kind, cost, id);
CREATE INDEX share_month_organization ON share_month (bucket, kind, organization_id, cost, id);

-- orders in which keys are listed, everywhere and within an organization
DROP INDEX api_key_organization;
CREATE INDEX api_key_organization ON api_key (organization_id, created_at, id);
CREATE INDEX api_key_organization_name ON api_key (organization_id, (LOWER(name)), id);
CREATE INDEX api_key_organization_used ON api_key (organization_id, (COALESCE(last_used_at, 0)), id);
CREATE INDEX api_key_made ON api_key (created_at, id);
CREATE INDEX api_key_named ON api_key ((LOWER(name)), id);
CREATE INDEX api_key_used ON api_key ((COALESCE(last_used_at, 0)), id);

CREATE INDEX audit_time ON audit (at, organization_id, seq);
CREATE INDEX audit_organization_time ON audit (organization_id, at, seq);
CREATE INDEX audit_target ON audit (target_id, at);
CREATE INDEX alert_time ON alert (at, id);
CREATE INDEX invite_time ON invite (created_at, id);
CREATE INDEX manual_block_time ON manual_block (placed_at, id);

-- the daemons that run on this store, each of which tells of itself every few seconds; lag is in microseconds
CREATE TABLE daemon (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    lag BIGINT NOT NULL
);
