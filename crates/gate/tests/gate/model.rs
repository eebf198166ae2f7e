//! The gate against a slow, obvious model (R3, R16, R23, R25, R26, R28, R37, R41).

use std::collections::HashMap;

use crate::support::{
    CHAT, budget, code_of, key, models, month, organization, project, refusal_of, restricted, snapshot, upload,
};
use mete_core::Nanos;
use mete_core::directory::KeyStatus;
use mete_core::limits::Limits;
use mete_core::manual_block::ManualBlockKind;
use mete_core::permissions::{PermissionKind, Permissions};
use mete_core::secret::KeyHash;
use mete_gate::{Gate, Request};
use mete_store::{GateOldSecret, GateOverride, GateSnapshot, ProjectBytes, ProjectSpend};
use proptest::collection::vec;
use proptest::prelude::*;

/// Projects and the organization of each; Lab is Acme's sub-organization.
const PROJECTS: [(&str, &str); 4] = [("A", "Acme"), ("B", "Acme"), ("L", "Lab"), ("X", "Other")];
const ORGANIZATIONS: [&str; 3] = ["Acme", "Lab", "Other"];
/// Decisions are asked for at the start of each, and whatever ends does so at the start of one.
const MONTHS: [&str; 4] = ["2026-11", "2026-12", "2027-01", "2027-02"];

/// What is asked: a chat with gpt-4o, a list of models, a file of 5 bytes, and nothing that is known.
const REQUESTS: [Request<'_>; 4] = [
    CHAT,
    Request { method: Some("GET"), path: Some("/v1/models"), model: None, bytes: None },
    upload(5),
    Request { method: None, path: None, model: None, bytes: None },
];

/// Kinds of permissions, and which of [`REQUESTS`] each covers.
const PERMISSIONS: [(&[&str], [bool; 4]); 4] = [
    (&["all"], [true; 4]),
    (&["read_only"], [false, true, false, false]),
    (&["chat_completions=write"], [true, false, false, false]),
    (&["chat_completions=read", "files=write"], [false, false, true, false]),
];

#[derive(Clone, Debug)]
enum Step {
    /// Totals of projects in months, by position.
    Spend(Vec<(usize, usize, i64)>),
    /// The bytes that a project stores.
    Bytes(usize, u64),
    Directory(Box<World>),
    /// Other rules, perhaps more projects, and other keys of some of them; all else as it was.
    Changes(Box<World>, [bool; 4]),
}

/// A state of the directory, by position.
#[derive(Clone, Debug)]
struct World {
    /// In dollars: Acme, Lab, Other, A, B, L, X.
    budgets: [Option<i64>; 7],
    /// Whether a list of models is there, and has gpt-4o.
    lists: [Option<bool>; 7],
    /// Which of the projects are in the directory at all, and which are archived.
    present: [bool; 4],
    archived: [bool; 4],
    keys: [KeyState; 4],
    overrides: Vec<Placed>,
}

#[derive(Clone, Copy, Debug)]
struct KeyState {
    /// How often its secret was replaced; the first is known as its project's.
    rotations: u8,
    status: KeyStatus,
    expires: Option<usize>,
    permissions: usize,
}

/// A block or release of a project or of its key.
#[derive(Clone, Debug)]
struct Placed {
    project: usize,
    on_key: bool,
    kind: ManualBlockKind,
    until: Option<usize>,
}

const QUOTA: u64 = 10;

/// Everything that was said, and every sum taken anew.
struct Model {
    totals: HashMap<(usize, usize), i64>,
    bytes: [u64; 4],
    world: World,
}

impl Model {
    /// The projects whose spend counts to an organization, as long as the directory has them.
    fn payers(&self, organization: &str) -> Vec<usize> {
        let counts = |of: &str| of == organization || (of == "Lab" && organization == "Acme");
        (0..4).filter(|p| self.world.present[*p] && counts(PROJECTS[*p].1)).collect()
    }

    fn exhausted(&self, scope: usize, projects: &[usize], month: usize) -> bool {
        let spend: i64 = projects.iter().map(|project| self.totals.get(&(*project, month)).copied().unwrap_or(0)).sum();
        self.world.budgets[scope].is_some_and(|dollars| spend >= dollars * 1_000_000_000)
    }

    fn holds(&self, project: usize, month: usize, kind: ManualBlockKind) -> bool {
        let holds = |one: &&Placed| one.project == project && one.until.is_none_or(|until| month < until);
        self.world.overrides.iter().filter(holds).any(|one| one.kind == kind)
    }

    /// The code of the answer to a project's key.
    fn code(&self, project: usize, month: usize, request: usize) -> &'static str {
        let (world, key) = (&self.world, self.world.keys[project]);
        let expired = key.expires.is_some_and(|end| month >= end);
        if !world.present[project] || key.status != KeyStatus::Active || expired {
            return "invalid_api_key";
        }
        if world.archived[project] {
            return "not_authorized_invalid_project";
        }
        if !PERMISSIONS[key.permissions].1[request] {
            return "permission";
        }
        let organization = ORGANIZATIONS.iter().position(|name| *name == PROJECTS[project].1).unwrap();
        if request == 0 && [organization, project + 3].iter().any(|scope| world.lists[*scope] == Some(false)) {
            return "model_not_found";
        }
        if self.holds(project, month, ManualBlockKind::Block) {
            return "access_blocked";
        }
        if !self.holds(project, month, ManualBlockKind::Release) {
            let parent = (organization == 1).then_some(0);
            let payers = |scope: usize| self.payers(ORGANIZATIONS[scope]);
            if [Some(organization), parent].into_iter().flatten().any(|at| self.exhausted(at, &payers(at), month)) {
                return "organization_spend_limit_exceeded";
            }
            if self.exhausted(project + 3, &[project], month) {
                return "project_spend_limit_exceeded";
            }
        }
        if request == 2 && self.bytes[project] + 5 > QUOTA { "file_storage_quota_exceeded" } else { "ok" }
    }
}

impl World {
    fn snapshot(&self, change_seq: i64) -> GateSnapshot {
        let limits = |scope: usize| self.budgets[scope].map_or_else(Limits::default, budget);
        let list = |scope: usize| self.lists[scope].and_then(|has| models(if has { &["x", "gpt-4o"] } else { &["x"] }));
        let organizations = [1, 0, 2].map(|at| {
            let mut made = organization(ORGANIZATIONS[at], (at == 1).then_some("Acme"), limits(at));
            made.models = list(at);
            made
        });
        let present = || (0..4).filter(|p| self.present[*p]);
        let projects = present().map(|p| {
            let mut made = project(PROJECTS[p].0, PROJECTS[p].1, limits(p + 3));
            (made.models, made.archived) = (list(p + 3), self.archived[p]);
            made
        });
        let mut made = snapshot(change_seq, organizations.into(), projects.collect());
        made.keys = present()
            .map(|p| {
                let (mut made, KeyState { status, expires, permissions, .. }) = (key(PROJECTS[p].0), self.keys[p]);
                (made.status, made.permissions) = (status, permissions_of(permissions));
                made.hash = KeyHash::of(&self.secret(p));
                made.expires_at = expires.map(|at| month(MONTHS[at]).start());
                made
            })
            .collect();
        let replaced = |p: usize| (0..self.keys[p].rotations).map(move |rotation| (p, rotation));
        made.old_secrets = present().flat_map(replaced).map(|(p, rotation)| old_secret(p, rotation)).collect();
        made.overrides = self.overrides.iter().map(Placed::row).collect();
        made.file_quota = QUOTA;
        made
    }
}

impl World {
    /// The present secret of a project's key, without its `sk-`.
    fn name(&self, project: usize) -> String {
        secret_name(project, self.keys[project].rotations)
    }

    fn secret(&self, project: usize) -> String {
        format!("sk-{}", self.name(project))
    }
}

fn secret_name(project: usize, rotation: u8) -> String {
    format!("{}{}", PROJECTS[project].0, if rotation == 0 { String::new() } else { format!("-{rotation}") })
}

/// Good until the third month.
fn old_secret(project: usize, rotation: u8) -> GateOldSecret {
    GateOldSecret {
        key_id: format!("key_{}", PROJECTS[project].0),
        hash: KeyHash::of(&format!("sk-{}", secret_name(project, rotation))),
        valid_until: month(MONTHS[2]).start(),
    }
}

impl Placed {
    fn row(&self) -> GateOverride {
        let prefix = if self.on_key { "key" } else { "proj" };
        GateOverride {
            scope_id: format!("{prefix}_{}", PROJECTS[self.project].0),
            kind: self.kind,
            reason: String::new(),
            until: self.until.map(|at| month(MONTHS[at]).start()),
        }
    }
}

fn permissions_of(at: usize) -> Permissions {
    match PERMISSIONS[at].0 {
        ["all"] => Permissions::ALL,
        ["read_only"] => Permissions { kind: PermissionKind::ReadOnly, ..Permissions::ALL },
        grants => restricted(grants),
    }
}

fn worlds() -> impl Strategy<Value = World> {
    let status =
        prop_oneof![8 => Just(KeyStatus::Active), 1 => Just(KeyStatus::Disabled), 1 => Just(KeyStatus::Revoked)];
    let permissions = prop_oneof![4 => Just(0_usize), 3 => 1..4_usize];
    let key = (0..3_u8, status, prop::option::weighted(0.2, 0..4_usize), permissions)
        .prop_map(|(rotations, status, expires, permissions)| KeyState { rotations, status, expires, permissions });
    let kind = prop_oneof![Just(ManualBlockKind::Block), Just(ManualBlockKind::Release)];
    let placed = (0..4_usize, any::<bool>(), kind, prop::option::of(0..4_usize))
        .prop_map(|(project, on_key, kind, until)| Placed { project, on_key, kind, until });
    (
        prop::array::uniform7(prop::option::weighted(0.7, 0..40_i64)),
        prop::array::uniform7(prop::option::weighted(0.3, prop::bool::weighted(0.7))),
        prop::array::uniform4(prop::bool::weighted(0.9)),
        prop::array::uniform4(prop::bool::weighted(0.1)),
        prop::array::uniform4(key),
        vec(placed, 0..4),
    )
        .prop_map(|(budgets, lists, present, archived, keys, overrides)| World {
            budgets,
            lists,
            present,
            archived,
            keys,
            overrides,
        })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let total = (0..4_usize, 0..4_usize, 0..30_000_000_000_i64);
    let step = prop_oneof![
        4 => vec(total, 1..5).prop_map(Step::Spend),
        1 => (0..4_usize, 0..12_u64).prop_map(|(project, bytes)| Step::Bytes(project, bytes)),
        2 => worlds().prop_map(|world| Step::Directory(Box::new(world))),
        3 => (worlds(), any::<[bool; 4]>()).prop_map(|(world, keys)| Step::Changes(Box::new(world), keys)),
    ];
    vec(step, 1..40)
}

proptest! {
    #[test]
    fn decisions_are_those_of_the_model(world in worlds(), steps in steps()) {
        let mut model = Model { totals: HashMap::new(), bytes: [0; 4], world };
        let gate = Gate::new(model.world.snapshot(0));
        for (step, change_seq) in steps.into_iter().zip(1..) {
            match step {
                Step::Spend(totals) => {
                    let spends: Vec<ProjectSpend> =
                        totals.iter().map(|(project, month, nanos)| project_spend(*project, *month, *nanos)).collect();
                    gate.set_spend(&spends);
                    model.totals.extend(totals.into_iter().map(|(project, month, nanos)| ((project, month), nanos)));
                }
                Step::Bytes(project, bytes) => {
                    model.bytes[project] = bytes;
                    gate.set_bytes(&[ProjectBytes { project_id: project_id(project).into(), bytes }]);
                }
                Step::Directory(world) => {
                    model.world = after(&model.world, *world, [true; 4]);
                    gate.replace_directory(model.world.snapshot(change_seq));
                }
                Step::Changes(mut world, mut keys) => {
                    for (p, was) in model.world.present.into_iter().enumerate() {
                        keys[p] |= !was;
                        world.present[p] |= was;
                    }
                    model.world = after(&model.world, *world, keys);
                    let changed = |id: &str| (0..4).any(|p| keys[p] && id == format!("key_{}", PROJECTS[p].0));
                    // A store tells projects in any order.
                    let mut snapshot = model.world.snapshot(change_seq);
                    snapshot.projects.reverse();
                    snapshot.keys.retain(|key| changed(&key.id));
                    snapshot.old_secrets.retain(|old| changed(&old.key_id));
                    prop_assert!(gate.change_directory(snapshot));
                }
            }
            same_as_anew(&gate, &model, change_seq)?;
            check(&gate, &model)?;
        }
    }
}

/// The world after `before`, with other keys of those projects only that `keys` tells. No secret is ever taken back.
fn after(before: &World, mut world: World, keys: [bool; 4]) -> World {
    for ((key, before), changes) in world.keys.iter_mut().zip(before.keys).zip(keys) {
        if changes {
            key.rotations = key.rotations.max(before.rotations);
        } else {
            *key = before;
        }
    }
    world
}

/// As a gate that was given everything anew, with every secret that there ever was.
fn same_as_anew(gate: &Gate, model: &Model, change_seq: i64) -> Result<(), TestCaseError> {
    let anew = Gate::new(model.world.snapshot(change_seq));
    let spends: Vec<ProjectSpend> =
        model.totals.iter().map(|((project, month), nanos)| project_spend(*project, *month, *nanos)).collect();
    anew.set_spend(&spends);
    let bytes = |project: usize| ProjectBytes { project_id: project_id(project).into(), bytes: model.bytes[project] };
    anew.set_bytes(&[0, 1, 2, 3].map(bytes));
    for at in [0, 2, 3] {
        let now = month(MONTHS[at]).start();
        prop_assert_eq!(gate.refused(now).keys, anew.refused(now).keys);
        for (project, rotation) in (0..4).flat_map(|project| (0..3).map(move |rotation| (project, rotation))) {
            let hash = KeyHash::of(&format!("sk-{}", secret_name(project, rotation)));
            prop_assert_eq!(gate.explain(now, hash, &CHAT), anew.explain(now, hash, &CHAT), "{}", hash.to_hex());
        }
    }
    Ok(())
}

/// Every project's key, in every month, with every request.
fn check(gate: &Gate, model: &Model) -> Result<(), TestCaseError> {
    for (project, (name, _)) in PROJECTS.iter().enumerate() {
        for (at, text) in MONTHS.iter().enumerate() {
            let now = month(text).start();
            for (number, request) in REQUESTS.iter().enumerate() {
                let refusal = refusal_of(gate, &model.world.name(project), now, request);
                let expected = model.code(project, at, number);
                prop_assert_eq!(code_of(refusal.as_ref()), expected, "{} {} {:?}", name, text, request);
                if request.method.is_some() {
                    let explanation = gate.explain_id(now, &format!("key_{name}"), request);
                    prop_assert_eq!(explanation.refusal(), refusal.as_ref(), "{} {} {:?}", name, text, request);
                }
            }
        }
    }
    Ok(())
}

fn project_id(project: usize) -> String {
    format!("proj_{}", PROJECTS[project].0)
}

fn project_spend(project: usize, at: usize, nanos: i64) -> ProjectSpend {
    ProjectSpend { project_id: project_id(project).into(), month: month(MONTHS[at]), spend: Nanos(nanos) }
}
