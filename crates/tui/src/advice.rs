//! What to do about each reason, in a sentence or two.

/// What can be done about an entry that is there for `reason`.
pub fn of(reason: &str) -> &'static str {
    match reason {
        "not_json" => {
            "The line is torn or no JSON. What was torn while it was written is often in the log again as a whole: then forget it."
        }
        "unknown_format" => {
            "Name the format: --format or --mapping with 'mete quarantine retry', and format or mapping = \"…\" for the source in meted.toml."
        }
        "missing_field" | "bad_field" | "bad_number" | "bad_usage" => {
            "What writes the log has to be mended. If the line is of another format, retry it with --format NAME; else forget it."
        }
        "bad_time" => {
            "A time ahead of the clock can be retried once it has come. Without a time of its own an event cannot be counted: mend what writes the log."
        }
        "line_too_long" => "A line of more than 1 MiB is never read: leave out prompts and answers when logging.",
        "unknown_key" => "Create the key, or import its hash, then retry; or say whose it is with --project.",
        "unknown_project" => "Create or rename the project, or correct the source's project, then retry.",
        "unknown_organization" => "Create or rename the organization, or correct the source's org, then retry.",
        "contradiction" => {
            "Key and project of the record do not fit: move the key or mend what writes the log, then retry."
        }
        "unattributed" => "Give the source an org or project in meted.toml, or retry with --org or --project.",
        "no_price" => "Add the model's price to the overrides (prices.toml), then retry.",
        "absurd_cost" => "More than a million dollars for one request is not counted. Mend the log, or forget it.",
        "corrupt_archive" => {
            "What comes before the break is counted. If there is a whole copy of the file, let the source's pattern match it; then forget this."
        }
        "conflict" => "Another project or key has this event already. If that one is right, forget this one.",
        "closed_month" => "The month is closed and its events are dropped: nothing can be added to it. Forget it.",
        _ => "Mend what the detail says, then retry; or forget it.",
    }
}
