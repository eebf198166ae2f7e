//! Every refusal (R37) as OpenAI's SDK takes it: which exception it raises, and whether it tries again; and as Envoy is told
//! it over gRPC.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use mete_api::envoy_messages::HttpRequest;
use mete_api::{Api, Listener, Readiness, Settings, serve, serve_grpc};
use mete_core::decision::{Decision, Refusal};
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::manual_block::ManualBlockKind;
use mete_core::parts::{Part, PartKind};
use mete_core::permissions::{PermissionKind, Permissions};
use mete_core::rates::RateLimit;
use mete_core::secret::KeyHash;
use mete_core::{ManualClock, Nanos, Timestamp};
use mete_gate::{Gate, Request};
use mete_store::{
    GateKey, GateOldSecret, GateOrganization, GateOverride, GatePart, GateProject, GateSnapshot, PartSpend,
    ProjectSpend,
};
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::grpc::{Grpc, denied, header, shown};
use crate::peer::Peer;

/// A question, and the directory that refuses it.
struct Case {
    /// The variant of [`Refusal`].
    name: &'static str,
    /// What the SDK raises.
    class: &'static str,
    secret: &'static str,
    request: Request<'static>,
    /// Makes the directory refuse it. The project Bot has the key `sk-Bot`, and has spent $10.
    wrong: fn(&mut GateSnapshot),
}

/// A case for each variant of [`Refusal`]. A match over them has no other arm, so that this does not compile until a new
/// one has its case.
macro_rules! cases {
    ($($name:ident: $class:literal, $secret:literal, $request:expr, $wrong:expr;)+) => {
        const CASES: &[Case] =
            &[$(Case { name: stringify!($name), class: $class, secret: $secret, request: $request, wrong: $wrong }),+];

        fn name(refusal: &Refusal) -> &'static str {
            match refusal {
                $(Refusal::$name { .. } => stringify!($name),)+
            }
        }
    };
}

const CHAT: Request<'_> =
    Request { method: Some("POST"), path: Some("/v1/chat/completions"), model: Some("gpt-4o"), bytes: Some(100) };
const UPLOAD: Request<'_> = Request { method: Some("POST"), path: Some("/v1/files"), model: None, bytes: Some(1_001) };
const UNTOLD: Request<'_> = Request { method: None, path: None, model: None, bytes: None };

cases! {
    NoKey: "AuthenticationError", "", CHAT, |_| {};
    UnknownKey: "AuthenticationError", "sk-nobody", CHAT, |_| {};
    AdminKey: "AuthenticationError", "sk-admin-x", CHAT, |_| {};
    KeyDisabled: "AuthenticationError", "sk-Bot", CHAT, |wrong| wrong.keys[0].status = KeyStatus::Disabled;
    KeyRevoked: "AuthenticationError", "sk-Bot", CHAT, |wrong| wrong.keys[0].status = KeyStatus::Revoked;
    KeyExpired: "AuthenticationError", "sk-Bot", CHAT, |wrong| wrong.keys[0].expires_at = Some(now());
    SecretReplaced: "AuthenticationError", "sk-old", CHAT, |wrong| {
        let hash = KeyHash::of("sk-old");
        wrong.old_secrets = vec![GateOldSecret { key_id: "key_Bot".into(), hash, valid_until: now() }];
    };
    ProjectArchived: "AuthenticationError", "sk-Bot", CHAT, |wrong| wrong.projects[0].archived = true;
    RequestUntold: "PermissionDeniedError", "sk-Bot", UNTOLD, |wrong| wrong.keys[0].permissions = READ_ONLY;
    Permission: "PermissionDeniedError", "sk-Bot", CHAT, |wrong| wrong.keys[0].permissions = READ_ONLY;
    Model: "PermissionDeniedError", "sk-Bot", CHAT, |wrong| wrong.projects[0].models = Some(Vec::new());
    Blocked: "RateLimitError", "sk-Bot", CHAT, |wrong| {
        let (scope_id, reason) = ("key_Bot".into(), "It leaked.".into());
        wrong.overrides = vec![GateOverride { scope_id, kind: ManualBlockKind::Block, reason, until: None }];
    };
    OrganizationBudget: "RateLimitError", "sk-Bot", CHAT, |wrong| wrong.organizations[0].limits = budget();
    ProjectBudget: "RateLimitError", "sk-Bot", CHAT, |wrong| wrong.projects[0].limits = budget();
    ModelBudget: "RateLimitError", "sk-Bot", CHAT, |wrong| wrong.parts = vec![part(PartKind::Model)];
    MemberBudget: "RateLimitError", "sk-Bot", CHAT, |wrong| wrong.parts = vec![part(PartKind::Member)];
    KeyBudget: "RateLimitError", "sk-Bot", CHAT, |wrong| wrong.parts = vec![part(PartKind::Key)];
    FileQuota: "APIStatusError", "sk-Bot", UPLOAD, |wrong| wrong.file_quota = 1_000;
    RateLimit: "RateLimitError", "sk-Bot", CHAT, |wrong| {
        let mut limit = RateLimit { model: "gpt-4o".into(), ..RateLimit::default() };
        limit.rates.max_requests_per_1_minute = Some(PER_MINUTE);
        wrong.rate_limits = vec![("proj_Bot".into(), limit)];
    };
}

const READ_ONLY: Permissions = Permissions { kind: PermissionKind::ReadOnly, ..Permissions::ALL };

/// Of which there is one again every 100 ms, if the clock went on.
const PER_MINUTE: u64 = 600;

fn now() -> Timestamp {
    Timestamp(1_795_430_400_000_000)
}

fn ten_dollars() -> Nanos {
    Nanos::from_dollars(10)
}

fn budget() -> Limits {
    Limits { budget: Some(ten_dollars()), threshold: None }
}

fn what(kind: PartKind) -> Part {
    let id = match kind {
        PartKind::Model => "gpt-4o",
        PartKind::Member => "user-kim",
        PartKind::Key => "key_Bot",
    };
    Part { kind, id: id.into() }
}

fn part(kind: PartKind) -> GatePart {
    let (part, keys) = (what(kind), vec!["key_Bot".to_owned()]);
    GatePart { project_id: "proj_Bot".into(), name: part.id.clone(), part, budget: ten_dollars(), keys }
}

fn directory() -> GateSnapshot {
    GateSnapshot {
        organizations: vec![GateOrganization {
            id: "org-1".into(),
            name: "Acme".into(),
            parent_id: None,
            limits: Limits::default(),
            models: None,
        }],
        projects: vec![GateProject {
            id: "proj_Bot".into(),
            organization_id: "org-1".into(),
            name: "Bot".into(),
            archived: false,
            limits: Limits::default(),
            models: None,
        }],
        keys: vec![GateKey {
            id: "key_Bot".into(),
            project_id: "proj_Bot".into(),
            hash: KeyHash::of("sk-Bot"),
            status: KeyStatus::Active,
            expires_at: None,
            permissions: Permissions::ALL,
        }],
        old_secrets: Vec::new(),
        overrides: Vec::new(),
        rate_limits: Vec::new(),
        parts: Vec::new(),
        file_quota: 1_000_000,
        change_seq: 1,
    }
}

impl Case {
    /// A gate that refuses it.
    fn gate(&self) -> Gate {
        let mut snapshot = directory();
        (self.wrong)(&mut snapshot);
        let (gate, month) = (Gate::new(snapshot), now().month());
        gate.set_spend(&[ProjectSpend { project_id: "proj_Bot".into(), month, spend: ten_dollars() }]);
        let spend = |kind| PartSpend {
            project_id: "proj_Bot".into(),
            part: what(kind),
            month,
            spend: ten_dollars(),
            version: 1,
        };
        gate.set_part_spend(&[PartKind::Model, PartKind::Member, PartKind::Key].map(spend));
        // Those that a limit lets through.
        for _ in 0..PER_MINUTE {
            if gate.decide(now(), Some(self.secret), &self.request) != Decision::Allow {
                break;
            }
        }
        gate
    }

    /// The gate, and why it refuses.
    fn refused(&self) -> Result<(Arc<Gate>, Refusal)> {
        let (gate, secret) = (Arc::new(self.gate()), Some(self.secret).filter(|it| !it.is_empty()));
        let Decision::Refuse(refusal) = gate.decide(now(), secret, &self.request) else {
            anyhow::bail!("{} is allowed", self.name)
        };
        ensure!(name(&refusal) == self.name, "{}: {refusal:?}", self.name);
        Ok((gate, refusal))
    }

    /// The request as Envoy shows it.
    fn shown(&self) -> HttpRequest {
        let Request { method, path, model, bytes } = self.request;
        let body = model.map(|model| json!({"model": model}).to_string()).unwrap_or_default();
        // Of files the body is not shown.
        let length = bytes.filter(|_| body.is_empty()).map(|bytes| bytes.to_string());
        let key = [("x-api-key", self.secret)].into_iter().filter(|(_, secret)| !secret.is_empty());
        let headers: Vec<_> = key.chain(length.as_deref().map(|length| ("content-length", length))).collect();
        shown(method.unwrap_or_default(), path.unwrap_or_default(), &headers, &body)
    }

    /// The headers that describe the request.
    fn headers(&self) -> Map<String, Value> {
        let bytes = self.request.bytes.map(|bytes| bytes.to_string());
        let described = [
            ("x-original-method", self.request.method),
            ("x-original-uri", self.request.path),
            ("x-mete-model", self.request.model),
            ("x-mete-bytes", bytes.as_deref()),
        ];
        described.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))).collect()
    }
}

fn api(gate: Arc<Gate>) -> Arc<Api> {
    let readiness = Arc::new(Readiness::default());
    readiness.set_ready();
    Arc::new(Api::new(gate, Arc::new(ManualClock::new(now())), readiness, Arc::default()))
}

/// Serves a gate; the base URL for the SDK.
async fn serve_gate(gate: Arc<Gate>, tasks: &mut JoinSet<()>, stop: &CancellationToken) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let base = format!("http://{}/v1", listener.local_addr()?);
    tasks.spawn(serve(Listener::Tcp(listener), api(gate), Settings::default(), stop.clone()));
    Ok(base)
}

/// What the SDK says of a case is what the gate decided.
fn check(case: &Case, refusal: &Refusal, said: &Value) -> Result<()> {
    let name = case.name;
    ensure!(said["class"] == case.class && said["status"] == refusal.status(), "{name}: {said}");
    ensure!(said["body"] == refusal.body()["error"] && said["code"].as_str() == refusal.code(), "{name}: {said}");
    // It tries what it takes for passing twice more.
    let passes = matches!(refusal, Refusal::RateLimit(_));
    ensure!(said["sent"] == if passes { 3 } else { 1 }, "{name}: {said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r37_openais_sdk_raises_the_right_exception_for_every_reason() -> Result<()> {
    let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
    let (mut asked, mut refusals) = (Map::new(), Vec::new());
    for case in CASES {
        let (gate, refusal) = case.refused()?;
        refusals.push((case, refusal));
        let base = serve_gate(gate, &mut tasks, &stop).await?;
        asked.insert(case.name.into(), json!({"base": base, "secret": case.secret, "headers": case.headers()}));
    }
    let asked = Value::Object(asked).to_string();
    let peer = tokio::task::spawn_blocking(move || Peer::start("openai_errors.py", &[&asked], &[])?.result());
    let said = peer.await.context("the thread panicked")??;
    for (case, refusal) in &refusals {
        check(case, refusal, &said[case.name])?;
    }
    stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(())
}

#[tokio::test]
async fn r37_envoy_is_told_every_reason_over_grpc() -> Result<()> {
    for case in CASES {
        let (gate, refusal) = case.refused()?;
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        tasks.spawn(serve_grpc(Listener::Tcp(listener), api(gate), Settings::default(), stop.clone()));
        let mut grpc = Grpc::new(TcpStream::connect(address).await?).await?;
        let (status, denied) = denied(grpc.check(case.shown()).await?)?;
        let (name, body) = (case.name, serde_json::from_str::<Value>(&denied.body)?);
        ensure!(status == refusal.status() && body == refusal.body(), "{name}: {denied:?}");
        let retry = header(&denied.headers, "x-should-retry");
        ensure!(retry == refusal.forbids_retry().then_some("false"), "{name}: {denied:?}");
        let waits = matches!(refusal, Refusal::RateLimit(_));
        ensure!(header(&denied.headers, "retry-after").is_some() == waits, "{name}: {denied:?}");
        stop.cancel();
        grpc.closed().await;
        while let Some(ended) = tasks.join_next().await {
            ended?;
        }
    }
    Ok(())
}
