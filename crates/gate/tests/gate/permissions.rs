//! What a key may be used for (R16), and with which models (R23, R24).

use crate::support::{CHAT, at, code_of, models, organization, project, refusal_of, restricted, snapshot};
use mete_core::Timestamp;
use mete_core::decision::{ForeignModel, Refusal};
use mete_core::limits::Limits;
use mete_core::permissions::{PermissionKind, Permissions};
use mete_gate::{Gate, Request};
use mete_store::GateSnapshot;

fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

fn directory() -> GateSnapshot {
    snapshot(1, vec![organization("Acme", None, Limits::default())], vec![project("Bot", "Acme", Limits::default())])
}

fn with(permissions: Permissions) -> Gate {
    let mut directory = directory();
    directory.keys[0].permissions = permissions;
    Gate::new(directory)
}

/// The words for a method and path; empty is to allow.
fn words(gate: &Gate, method: &'static str, path: &'static str) -> String {
    let request = Request { method: Some(method), path: Some(path), ..Request::default() };
    let refusal = refusal_of(gate, "Bot", now(), &request);
    if let Some(refusal) = &refusal {
        assert_eq!((refusal.status(), refusal.kind(), refusal.code()), (403, "invalid_request_error", None));
    }
    refusal.map(|refusal| refusal.message()).unwrap_or_default()
}

#[test]
fn r16_the_words_name_the_scope_that_is_missing() {
    let gate = with(restricted(&["chat_completions=write", "models=read", "files=read"]));
    for (method, path, missing) in [
        ("POST", "/v1/chat/completions", None),
        ("POST", "/v1/messages", None),
        ("GET", "/v1/chat/completions/x", None),
        ("GET", "/v1/models", None),
        ("head", "/v1/files/x?y=z", None),
        ("DELETE", "/v1/models/x", Some("models.write")),
        ("POST", "/v1/files", Some("files.write")),
        ("POST", "/v1/embeddings", Some("embeddings.write")),
        ("GET", "/v1/threads/x", Some("threads.read")),
        ("POST", "/v1/messages/batches", Some("batches.write")),
        ("OPTIONS", "/v1/files", Some("files.write")),
    ] {
        let words = words(&gate, method, path);
        match missing {
            None => assert_eq!(words, "", "{method} {path}"),
            Some(scope) => assert!(words.contains(&format!("Missing scopes: {scope}.")), "{method} {path}: {words}"),
        }
    }
}

#[test]
fn r16_read_only_keys_read_everything() {
    let gate = with(Permissions { kind: PermissionKind::ReadOnly, ..Permissions::ALL });
    for path in ["/v1/models", "/v1/files/x/content", "/v1/nowhere", "/v1/files/../x"] {
        assert_eq!(words(&gate, "GET", path), "", "{path}");
    }
    assert!(words(&gate, "POST", "/v1/responses").contains("Missing scopes: responses.write."));
    assert!(words(&gate, "POST", "/v1/nowhere").contains("no scope covers this path"));
}

#[test]
fn r16_a_path_that_leads_elsewhere_is_covered_by_no_scope() {
    let gate = with(restricted(&["files=write"]));
    for path in ["/v1/files/../chat/completions", "/v1/files/%2e%2e/chat/completions", "/v1/nowhere", "/", ""] {
        assert!(words(&gate, "POST", path).contains("no scope covers this path"), "{path}");
    }
}

#[test]
fn r16_what_is_not_told_is_refused_unless_everything_is_allowed() {
    let untold = [
        Request::default(),
        Request { method: Some("GET"), ..Request::default() },
        Request { path: Some("/v1/models"), ..Request::default() },
    ];
    for request in untold {
        for permissions in [
            Permissions { kind: PermissionKind::ReadOnly, ..Permissions::ALL },
            restricted(&["models=write", "chat_completions=write"]),
        ] {
            let refusal = refusal_of(&with(permissions), "Bot", now(), &request).unwrap();
            assert_eq!(refusal, Refusal::RequestUntold);
            assert_eq!((refusal.status(), refusal.code()), (403, None));
        }
        assert_eq!(refusal_of(&with(Permissions::ALL), "Bot", now(), &request), None);
    }
}

/// A list of models, if there is one.
type List = Option<&'static [&'static str]>;

#[test]
fn r23_models_are_those_of_the_project_and_of_the_organization() {
    let lists: [(&[&str], List, List); 7] = [
        (&["a", "b", "z"], Some(&["b", "z", "c", "a"]), None),
        (&["a", "b", "z"], None, None),
        (&["a", "b"], Some(&["b", "a"]), None),
        (&["a"], None, Some(&["a"])),
        (&["a"], Some(&["a"]), Some(&["b", "a"])),
        // Nothing is left where the two have nothing in common, or a list is empty.
        (&[], Some(&["a"]), Some(&["b"])),
        (&[], Some(&[]), None),
    ];
    for (allowed, project, organization) in lists {
        let mut directory = directory();
        directory.projects[0].models = project.and_then(models);
        directory.organizations[0].models = organization.and_then(models);
        let gate = Gate::new(directory);
        for model in ["a", "b", "z"] {
            let refusal = refusal_of(&gate, "Bot", now(), &Request { model: Some(model), ..CHAT });
            let expected = if allowed.contains(&model) { "ok" } else { "model_not_found" };
            assert_eq!(code_of(refusal.as_ref()), expected, "{model} of {project:?} in {organization:?}");
        }
        assert_eq!(refusal_of(&gate, "Bot", now(), &Request { model: None, ..CHAT }), None, "not told, not asked");
    }
}

#[test]
fn r23_the_words_say_whose_list_it_is() {
    let mut directory = directory();
    directory.organizations[0].models = models(&["a"]);
    let gate = Gate::new(directory.clone());
    let foreign = |kind, scope: &str| Refusal::Model(ForeignModel { model: "A".into(), kind, scope: scope.into() });
    let request = Request { model: Some("A"), ..CHAT };
    assert_eq!(refusal_of(&gate, "Bot", now(), &request), Some(foreign("organization", "Acme")));
    directory.projects[0].models = models(&["a"]);
    gate.replace_directory(directory);
    assert_eq!(refusal_of(&gate, "Bot", now(), &request), Some(foreign("project", "Bot")));
}
