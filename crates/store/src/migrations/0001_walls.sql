-- One text for both engines. {bytes} is BLOB or BYTEA; {clustered} puts SQLite's rows into their key;
-- {by_month} partitions Postgres' events. Times are microseconds UTC, money nano-dollars, months yyyymm.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE organization (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    parent_id TEXT,
    created_at BIGINT NOT NULL
);

CREATE TABLE project (
    id TEXT PRIMARY KEY,
    num BIGINT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    status TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    archived_at BIGINT
);
CREATE UNIQUE INDEX project_active_name ON project (organization_id, name_key) WHERE status = 'active';
CREATE INDEX project_organization ON project (organization_id, created_at);

CREATE TABLE person (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE organization_member (
    organization_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);

CREATE TABLE project_member (
    project_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, user_id)
);

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    name TEXT NOT NULL,
    hash {bytes} NOT NULL UNIQUE,
    redacted_value TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX api_key_project ON api_key (project_id, created_at);
CREATE INDEX api_key_organization ON api_key (organization_id, created_at);

-- scope_id is an organization or a project
CREATE TABLE limits (
    scope_id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    budget BIGINT,
    threshold BIGINT
);

CREATE TABLE price (
    num BIGINT PRIMARY KEY,
    version TEXT NOT NULL UNIQUE
);

-- whom and what an event counts for, as one small number; '' where the event does not say
CREATE TABLE series (
    num BIGINT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    UNIQUE (project_id, key_id, member_id, model, endpoint)
);

CREATE TABLE event (
    ts BIGINT NOT NULL,
    id BIGINT NOT NULL,
    series BIGINT NOT NULL,
    input BIGINT NOT NULL,
    cached_input BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    output BIGINT NOT NULL,
    reasoning BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    price BIGINT NOT NULL,
    extra TEXT,
    PRIMARY KEY (ts, id)
) {clustered} {by_month};

-- what was booked later on an event, as a difference; ts and id are the event's, copy_ts that of the copy that brought it
CREATE TABLE correction (
    ts BIGINT NOT NULL,
    id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    copy_ts BIGINT NOT NULL,
    series BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    input BIGINT NOT NULL,
    cached_input BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    output BIGINT NOT NULL,
    reasoning BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    price BIGINT NOT NULL,
    extra TEXT,
    reason TEXT NOT NULL DEFAULT 'amended',
    PRIMARY KEY (ts, id, seq)
) {clustered};

-- sums that each batch appends and the folder merges into the three roll-ups
CREATE TABLE spend_delta (
    hour BIGINT NOT NULL,
    month BIGINT NOT NULL,
    project BIGINT NOT NULL,
    series BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    input BIGINT NOT NULL,
    cached_input BIGINT NOT NULL,
    output BIGINT NOT NULL,
    cost BIGINT NOT NULL
);

CREATE TABLE spend_hour (
    bucket BIGINT NOT NULL,
    project BIGINT NOT NULL,
    series BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    input BIGINT NOT NULL,
    cached_input BIGINT NOT NULL,
    output BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    PRIMARY KEY (bucket, project, series)
) {clustered};

CREATE TABLE spend_day (
    bucket BIGINT NOT NULL,
    project BIGINT NOT NULL,
    series BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    input BIGINT NOT NULL,
    cached_input BIGINT NOT NULL,
    output BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    PRIMARY KEY (bucket, project, series)
) {clustered};

CREATE TABLE spend_month (
    bucket BIGINT NOT NULL,
    project BIGINT NOT NULL,
    series BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    input BIGINT NOT NULL,
    cached_input BIGINT NOT NULL,
    output BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    PRIMARY KEY (bucket, project, series)
) {clustered};

-- which span of event times each commit of the ledger touched, so that other processes can follow
CREATE TABLE ledger_batch (
    version BIGINT PRIMARY KEY,
    min_ts BIGINT NOT NULL,
    max_ts BIGINT NOT NULL
);

CREATE TABLE alert (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    scope_kind TEXT NOT NULL,
    scope_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    month BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    spend BIGINT NOT NULL,
    at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    UNIQUE (scope_id, kind, month, amount)
);
CREATE INDEX alert_month ON alert (month, at);

-- since when a budget refuses a scope's keys in a month
CREATE TABLE block (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    scope_kind TEXT NOT NULL,
    scope_id TEXT NOT NULL,
    month BIGINT NOT NULL,
    budget BIGINT NOT NULL,
    since BIGINT NOT NULL,
    lifted_at BIGINT
);
CREATE UNIQUE INDEX block_open ON block (scope_id, month) WHERE lifted_at IS NULL;

CREATE TABLE quarantine (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    source TEXT NOT NULL,
    position BIGINT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    raw {bytes} NOT NULL,
    raw_bytes BIGINT NOT NULL
);
CREATE INDEX quarantine_at ON quarantine (at);

-- how far each file of a source was read; identity is the file's own, apart from its path
CREATE TABLE source_position (
    source TEXT NOT NULL,
    identity TEXT NOT NULL,
    path TEXT NOT NULL,
    position BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (source, identity)
);

CREATE TABLE change (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    organization_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    target_id TEXT NOT NULL
);
