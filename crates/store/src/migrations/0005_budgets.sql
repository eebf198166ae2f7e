-- monthly budgets within a project; kind is model, member or key, part_id the model's name or the id of owner or key
CREATE TABLE part_budget (
    project_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    part_id TEXT NOT NULL,
    budget BIGINT NOT NULL,
    PRIMARY KEY (project_id, kind, part_id)
) {clustered};
