//! The file quota (R28).

use crate::support::{at, organization, project, refusal_of, snapshot, store, upload};
use mete_core::Timestamp;
use mete_core::decision::{FullStorage, Refusal};
use mete_core::limits::Limits;
use mete_gate::{Gate, Request};
use mete_store::GateSnapshot;

fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

/// Projects Bot and Cat, and a quota of so many bytes.
fn directory(file_quota: u64) -> GateSnapshot {
    let projects = ["Bot", "Cat"].map(|name| project(name, "Acme", Limits::default())).into();
    GateSnapshot { file_quota, ..snapshot(1, vec![organization("Acme", None, Limits::default())], projects) }
}

#[test]
fn r28_an_upload_past_the_quota_is_refused_and_one_up_to_it_is_not() {
    let gate = Gate::new(directory(100_000_000_000));
    store(&gate, "Bot", 99_999_999_000);
    assert_eq!(refusal_of(&gate, "Bot", now(), &upload(1_000)), None);
    let refused = refusal_of(&gate, "Bot", now(), &upload(1_001)).unwrap();
    let figures = FullStorage { project: "Bot".into(), stored: 99_999_999_000, upload: 1_001, quota: 100_000_000_000 };
    assert_eq!(refused, Refusal::FileQuota(figures));
    assert_eq!((refused.status(), refused.code()), (413, Some("file_storage_quota_exceeded")));
    assert!(!refused.forbids_retry());
    let words = refused.message();
    for part in ["file quota of the project 'Bot'", "99.999999 GB of 100 GB", "0.000001001 GB"] {
        assert!(words.contains(part), "{part:?} is not in {words:?}");
    }
    assert_eq!(refusal_of(&gate, "Cat", now(), &upload(100_000_000_000)), None, "each project has its own");
    assert!(refusal_of(&gate, "Cat", now(), &upload(u64::MAX)).is_some());
}

#[test]
fn r28_freeing_and_raising_let_uploads_through_again() {
    let gate = Gate::new(directory(10));
    store(&gate, "Bot", 10);
    assert!(refusal_of(&gate, "Bot", now(), &upload(1)).is_some());
    store(&gate, "Bot", 9);
    assert_eq!(refusal_of(&gate, "Bot", now(), &upload(1)), None);
    store(&gate, "Bot", 10);
    gate.replace_directory(directory(11));
    assert_eq!(refusal_of(&gate, "Bot", now(), &upload(1)), None, "totals outlive the directory");
    assert!(refusal_of(&gate, "Bot", now(), &upload(2)).is_some());
}

#[test]
fn r28_only_what_brings_bytes_of_files_is_asked() {
    let gate = Gate::new(directory(10));
    store(&gate, "Bot", 1_000);
    for request in [
        Request { method: Some("GET"), ..upload(5) },
        Request { method: Some("DELETE"), path: Some("/v1/files/file-1"), ..upload(0) },
        Request { path: Some("/v1/chat/completions"), ..upload(5) },
        Request { bytes: None, ..upload(5) },
        Request { path: None, ..upload(5) },
    ] {
        assert_eq!(refusal_of(&gate, "Bot", now(), &request), None, "{request:?}");
    }
    for path in ["/v1/uploads/upload-1/parts", "/v1/x/../files"] {
        assert!(refusal_of(&gate, "Bot", now(), &Request { path: Some(path), ..upload(5) }).is_some(), "{path}");
    }
}

#[test]
fn bytes_that_are_ahead_of_the_directory_are_kept_for_it() {
    let gate = Gate::new(GateSnapshot { projects: vec![], keys: vec![], ..directory(10) });
    store(&gate, "Bot", 10);
    gate.replace_directory(directory(10));
    assert!(refusal_of(&gate, "Bot", now(), &upload(1)).is_some());
}
