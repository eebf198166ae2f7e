-- People, roles, service accounts, keys, archive, audit. The words are those of 0001, {json}, which makes JSON
-- of text, and {no_link}, 32 bytes of zero.

ALTER TABLE organization_member ADD COLUMN usage_grant BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX organization_member_user ON organization_member (user_id);
CREATE INDEX project_member_user ON project_member (user_id);

-- Who is in a default project follows from who is in its organization (R2); rows are for the others.
DELETE FROM project_member WHERE project_id IN (SELECT id FROM project WHERE is_default);
-- Owners of an organization are owners of its projects without a row (R7).
DELETE FROM project_member WHERE EXISTS (
    SELECT 1 FROM project p JOIN organization_member m ON m.organization_id = p.organization_id
    WHERE p.id = project_member.project_id AND m.user_id = project_member.user_id AND m.role = 'owner');

ALTER TABLE project ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE project ADD COLUMN website TEXT NOT NULL DEFAULT '';
CREATE INDEX project_name ON project (name_key);
CREATE INDEX organization_name ON organization (LOWER(name));
CREATE INDEX organization_parent ON organization (parent_id);

-- permissions: all, read_only or restricted; scopes: JSON, what is granted of which endpoint group
ALTER TABLE api_key ADD COLUMN owner_kind TEXT NOT NULL DEFAULT 'user';
ALTER TABLE api_key ADD COLUMN permissions TEXT NOT NULL DEFAULT 'all';
ALTER TABLE api_key ADD COLUMN scopes TEXT NOT NULL DEFAULT '{}';
ALTER TABLE api_key ADD COLUMN expires_at BIGINT;
CREATE INDEX api_key_owner ON api_key (owner_id, organization_id);
CREATE INDEX api_key_project_status ON api_key (project_id, status);
CREATE INDEX api_key_name ON api_key (name);
CREATE INDEX api_key_redacted_value ON api_key (redacted_value);

-- secrets that a rotation replaced, each valid until its time
CREATE TABLE api_key_old_secret (
    hash {bytes} PRIMARY KEY,
    key_id TEXT NOT NULL,
    redacted_value TEXT NOT NULL,
    valid_until BIGINT NOT NULL
);
CREATE INDEX api_key_old_secret_key ON api_key_old_secret (key_id);

-- keys of the administration API: an organization's and a person's (R17)
CREATE TABLE admin_key (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    hash {bytes} NOT NULL UNIQUE,
    redacted_value TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX admin_key_organization ON admin_key (organization_id, created_at);
CREATE INDEX admin_key_user ON admin_key (user_id, organization_id);

-- the organization's own accounts are those of its default project (R12)
CREATE TABLE service_account (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE INDEX service_account_project ON service_account (project_id, created_at);
CREATE INDEX service_account_organization ON service_account (organization_id, created_at);

CREATE TABLE invite (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT
);
CREATE INDEX invite_organization ON invite (organization_id, created_at);
CREATE INDEX invite_email ON invite (email);

CREATE TABLE invite_project (
    invite_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (invite_id, project_id)
);

-- models: JSON list of those that may be used; without a list, all may
ALTER TABLE limits ADD COLUMN models TEXT;
CREATE INDEX limits_organization ON limits (organization_id);

CREATE TABLE rate_limit (
    scope_id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    model TEXT NOT NULL,
    max_requests_per_1_minute BIGINT,
    max_tokens_per_1_minute BIGINT,
    max_requests_per_1_day BIGINT,
    max_images_per_1_minute BIGINT,
    max_audio_megabytes_per_1_minute BIGINT,
    batch_1_day_max_input_tokens BIGINT,
    PRIMARY KEY (scope_id, model)
);
CREATE INDEX rate_limit_organization ON rate_limit (organization_id);

-- a person's block or release of a key or a project (R41); kind: block or release
CREATE TABLE manual_block (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    scope_kind TEXT NOT NULL,
    scope_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    placed_by TEXT NOT NULL,
    placed_at BIGINT NOT NULL,
    until BIGINT,
    lifted_by TEXT,
    lifted_at BIGINT
);
CREATE INDEX manual_block_organization ON manual_block (organization_id, placed_at);
CREATE INDEX manual_block_open ON manual_block (scope_id) WHERE lifted_at IS NULL;

CREATE INDEX block_organization ON block (organization_id, month);
CREATE INDEX alert_organization ON alert (organization_id, at);

-- what usage named of a project (R36)
CREATE TABLE resource (
    project BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    PRIMARY KEY (project, kind, id)
) {clustered};
CREATE INDEX resource_last_seen ON resource (project, last_seen_at DESC);

-- bytes stored less bytes freed (R28), below 0 where more was freed than was seen to be stored
CREATE TABLE project_bytes (
    project BIGINT PRIMARY KEY,
    bytes BIGINT NOT NULL
);

-- What usage named before these tables were there. An event says what its last copy said.
INSERT INTO resource (project, kind, id, first_seen_at, last_seen_at, requests, bytes, cost)
SELECT p.num, s.extra{json} -> 'resource' ->> 'type', s.extra{json} -> 'resource' ->> 'id', MIN(s.ts), MAX(s.ts), COUNT(*),
    COALESCE(SUM(CAST(s.extra{json} ->> 'bytes' AS BIGINT)), 0), SUM(s.cost)
FROM (
    SELECT ts, series, extra, cost FROM event
    WHERE extra IS NOT NULL AND NOT EXISTS (SELECT 1 FROM correction c WHERE c.ts = event.ts AND c.id = event.id)
    UNION ALL
    SELECT c.ts, c.series, c.extra, e.cost + (SELECT SUM(a.cost) FROM correction a WHERE a.ts = c.ts AND a.id = c.id)
    FROM correction c JOIN event e ON e.ts = c.ts AND e.id = c.id
    WHERE c.extra IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM correction later WHERE later.ts = c.ts AND later.id = c.id AND later.seq > c.seq)
) AS s JOIN series g ON g.num = s.series JOIN project p ON p.id = g.project_id
WHERE s.extra{json} -> 'resource' ->> 'type' IN ('file', 'thread', 'assistant', 'fine_tuned_model', 'vector_store')
GROUP BY 1, 2, 3;

INSERT INTO project_bytes (project, bytes)
SELECT p.num, SUM(CAST(s.extra{json} ->> 'bytes' AS BIGINT))
FROM (
    SELECT series, extra FROM event
    WHERE extra IS NOT NULL AND NOT EXISTS (SELECT 1 FROM correction c WHERE c.ts = event.ts AND c.id = event.id)
    UNION ALL
    SELECT series, extra FROM correction c
    WHERE extra IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM correction later WHERE later.ts = c.ts AND later.id = c.id AND later.seq > c.seq)
) AS s JOIN series g ON g.num = s.series JOIN project p ON p.id = g.project_id
WHERE s.extra{json} ->> 'bytes' IS NOT NULL
GROUP BY 1;

-- who did what, chained by hash within each organization (R42); organization '' is the deployment's own chain.
-- change is JSON: {"before":…,"after":…}; outcome: done or refused
CREATE TABLE audit (
    organization_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    os_user TEXT NOT NULL,
    host TEXT NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    project_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    target_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    change TEXT NOT NULL,
    previous_hash {bytes} NOT NULL,
    hash {bytes} NOT NULL,
    PRIMARY KEY (organization_id, seq)
) {clustered};
CREATE INDEX audit_project ON audit (project_id, at);

-- the end of each chain
CREATE TABLE audit_head (
    organization_id TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash {bytes} NOT NULL
);
-- The chains of organizations that are there begin now.
INSERT INTO audit_head (organization_id, seq, hash) SELECT id, 0, {no_link} FROM organization;

-- settings of the deployment
INSERT INTO meta (name, value) VALUES ('max_projects', 1000) ON CONFLICT DO NOTHING;
INSERT INTO meta (name, value) VALUES ('file_quota_bytes', 100000000000) ON CONFLICT DO NOTHING;
