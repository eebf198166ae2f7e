-- what a daemon may hold for the requests of a project, and until when: who starts takes it as held
CREATE TABLE hold_lease (
    daemon TEXT NOT NULL,
    project_id TEXT NOT NULL,
    amount BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (daemon, project_id)
) {clustered};
