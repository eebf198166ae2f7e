//! Every act done for real, on both engines: what it changes and what the audit log has of it.

use std::sync::Arc;

use mete_control::{Control, NewInviteInput, NewKeyInput, NewOrganizationInput, NewProjectInput};
use mete_core::actor::Origin;
use mete_core::directory::OrganizationRole;
use mete_core::{Clock, ManualClock};
use mete_store::{AuditFilter, Ledger, Parcel, QuarantineEntry};
use mete_tests::{TestStore, each_engine};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::Mutex;

use super::*;
use crate::doing::Doer;
use crate::samples::now;

/// Acme with Dana as its owner and Kim as a reader, the project Support with a key of Kim's, and Search.
pub struct Bench {
    pub doer: Doer,
    clock: Arc<ManualClock>,
    done: Vec<Act>,
}

fn operator() -> Actor {
    Actor::operator(Origin { os_user: "pat".to_owned(), host: "here".to_owned() })
}

impl Bench {
    pub async fn open(place: &TestStore) -> anyhow::Result<Self> {
        Self::at(place.url()).await
    }

    /// The same in the store at this URL.
    pub async fn at(url: &str) -> anyhow::Result<Self> {
        let mut random = StdRng::seed_from_u64(11);
        let store = Store::create(&url.parse()?, &mut random).await?;
        let clock = Arc::new(ManualClock::new(now()));
        {
            let control = Control::new(&store, &*clock, &mut random);
            let acme = NewOrganizationInput { name: "Acme".into(), owner: "dana@acme.test".into(), parent: None };
            control.init(&operator(), &acme).await?;
            for name in ["Support", "Search"] {
                control.create_project(&operator(), &NewProjectInput::named("Acme", name)).await?;
            }
            let ci = NewKeyInput { name: "ci".into(), ..NewKeyInput::for_person("Support", "kim@acme.test") };
            control.create_key(&operator(), &ci).await?;
            let invite = NewInviteInput {
                organization: "Acme".into(),
                email: "lee@acme.test".into(),
                role: OrganizationRole::Reader,
                projects: Vec::new(),
            };
            let invite = control.create_invite(&operator(), &invite).await?;
            control.accept_invite(&operator(), &invite.id, "Lee").await?;
        }
        let random: Box<dyn rand::Rng + Send> = Box::new(random);
        let doer = Doer {
            store,
            actor: operator(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::new(Mutex::new(random)),
            retrying: Some(Retrying::new(|ids| Box::pin(async move { Ok(format!("{} read again", ids.len())) }))),
        };
        Ok(Self { doer, clock, done: Vec::new() })
    }

    /// A person, as an actor.
    pub async fn person(&self, email: &str) -> anyhow::Result<Actor> {
        let mut random = self.doer.random.lock().await;
        let control = Control::new(&self.doer.store, &*self.clock, &mut **random);
        Ok(control.person(email, operator().origin).await?)
    }

    /// Puts three torn lines of a source into the quarantine.
    pub async fn quarantine(&self) -> anyhow::Result<()> {
        let entry = |position| QuarantineEntry {
            position,
            reason: "not_json",
            detail: "torn".into(),
            raw: b"{".to_vec().into(),
            raw_bytes: 1,
            spot: None,
        };
        let parcel = Parcel { source: "a.log".into(), quarantine: (0..3).map(entry).collect(), ..Parcel::default() };
        Ledger::open(self.doer.store.clone()).await?.commit(&[parcel], self.clock.now()).await?;
        Ok(())
    }

    pub async fn organization(&self) -> anyhow::Result<Target> {
        let view = View::new(&self.doer.store, &self.doer.actor).await?;
        Ok(Target::Organization(view.organization("Acme").await?))
    }

    pub async fn project(&self, name: &str) -> anyhow::Result<Target> {
        let view = View::new(&self.doer.store, &self.doer.actor).await?;
        Ok(Target::Project(view.project(None, name).await?))
    }

    pub async fn key(&self, name: &str) -> anyhow::Result<Target> {
        let view = View::new(&self.doer.store, &self.doer.actor).await?;
        let key = view.key(name).await?;
        let project = view.project(None, &key.project_id).await?;
        Ok(Target::Key(Box::new(key), project))
    }

    /// An alert that nobody acknowledged, of a project.
    async fn alert(&self) -> anyhow::Result<Target> {
        let view = View::new(&self.doer.store, &self.doer.actor).await?;
        let filter = mete_store::AlertFilter { is_open: true, ..mete_store::AlertFilter::default() };
        let alert = view.alerts(&filter).await?.remove(0);
        let project = view.project(None, &alert.scope_id).await?;
        Ok(Target::Alert(Box::new(alert), Some(project)))
    }

    /// The form, filled in.
    pub async fn sheet(&self, act: Act, target: &Target, typed: &[(&str, &str)]) -> Result<Box<Sheet>, String> {
        let mut sheet = self.doer.sheet(Wish { act, target: target.clone() }).await?;
        typed.iter().for_each(|(key, value)| sheet.form.fill(key, value));
        Ok(sheet)
    }

    /// Does it as a person would, and gives what was said, after checking what the audit log says last.
    async fn act(
        &mut self,
        act: Act,
        target: &Target,
        (typed, written): (&[(&str, &str)], &str),
    ) -> anyhow::Result<Done> {
        assert!(act.fits(target), "{act:?} does not fit {}", target.name());
        self.clock.advance(1_000_000);
        let mut sheet = self.sheet(act, target, typed).await.map_err(anyhow::Error::msg)?;
        assert!(sheet.form.is_sendable(self.clock.now()), "{:?}", sheet.form);
        let deed = sheet.deed(self.clock.now()).map_err(anyhow::Error::msg)?;
        let done = self.doer.carry_out(deed).await.map_err(anyhow::Error::msg)?;
        if !written.is_empty() {
            let last =
                self.doer.store.audit(&AuditFilter { since: Some(self.clock.now()), ..AuditFilter::default() }).await?;
            let actions: Vec<&str> = last.iter().map(|entry| entry.record.action.as_str()).collect();
            assert!(actions.contains(&written), "{act:?} wrote {actions:?}");
            assert!(last.iter().all(|entry| entry.record.actor_kind == "operator"));
        }
        self.done.push(act);
        Ok(done)
    }
}

type Step = (Act, &'static [(&'static str, &'static str)], &'static str, &'static str);

/// Does one after the other to a target that is found anew each time.
macro_rules! steps {
    ($bench:ident, $target:expr, [$($step:expr),+ $(,)?]) => {
        let steps: &[Step] = &[$($step),+];
        for (act, typed, written, words) in steps.iter().copied() {
            let target = $target.await?;
            let done = $bench.act(act, &target, (typed, written)).await?;
            assert!(done.words.contains(words), "{act:?}: {:?} does not say {words:?}", done.words);
        }
    };
}

async fn in_the_organization(bench: &mut Bench) -> anyhow::Result<()> {
    use {admin_keys::Act as Admin, invites::Act as Invite, members::Act as Member, organizations::Act as Org};
    steps!(
        bench,
        bench.organization(),
        [
            (
                Act::Organizations(Org::CreateSub),
                &[("name", "Labs"), ("owner", "ann@acme.test")],
                "organization.created",
                "\"Labs\" is made"
            ),
            (
                Act::Projects(projects::Act::Create),
                &[("name", "Eval"), ("website", "https://acme.test")],
                "project.created",
                "\"Eval\" is made"
            ),
            (
                Act::Limits(limits::Act::Budget),
                &[("budget", "1000"), ("threshold", "$800")],
                "limits.updated",
                "$1,000, the threshold $800.00"
            ),
            (
                Act::Limits(limits::Act::Models),
                &[("models", "gpt-4o, gpt-4o-mini")],
                "limits.updated",
                "gpt-4o, gpt-4o-mini"
            ),
            (
                Act::Limits(limits::Act::Rate),
                &[("model", "gpt-4o"), ("rate", "tokens_per_minute"), ("value", "500")],
                "limits.updated",
                "tokens_per_minute of gpt-4o is 500"
            ),
            (
                Act::Invites(Invite::Create),
                &[("email", "new@acme.test"), ("projects", "Search=owner")],
                "invite.sent",
                "new@acme.test is invited"
            ),
            (
                Act::Invites(Invite::Accept),
                &[("invite", "new@"), ("name", "New")],
                "invite.accepted",
                "new@acme.test is a member"
            ),
            (Act::Invites(Invite::Create), &[("email", "old@acme.test"), ("role", "owner")], "invite.sent", "as owner"),
            (Act::Invites(Invite::Revoke), &[("invite", "old@")], "invite.deleted", "old@acme.test is taken back"),
            (
                Act::Members(Member::Role),
                &[("member", "lee@"), ("role", "owner")],
                "user.updated",
                "lee@acme.test is owner"
            ),
            (
                Act::Members(Member::Grant),
                &[("member", "kim@"), ("granted", "yes")],
                "usage_grant.created",
                "kim@acme.test sees"
            ),
            (Act::Members(Member::Remove), &[("member", "new@")], "user.deleted", "new@acme.test is out"),
            (
                Act::ServiceAccounts(service_accounts::Act::Create),
                &[("name", "billing")],
                "service_account.created",
                "\"billing\" is made"
            ),
            (
                Act::ServiceAccounts(service_accounts::Act::Role),
                &[("account", "billing"), ("role", "owner")],
                "service_account.updated",
                "is owner"
            ),
            (
                Act::AdminKeys(Admin::Create),
                &[("member", "dana@"), ("expires", "90d")],
                "admin_api_key.created",
                "dana@acme.test is made"
            ),
            (Act::AdminKeys(Admin::Revoke), &[("key", "dana@")], "admin_api_key.deleted", "is revoked"),
            (Act::Organizations(Org::Rename), &[("name", "Acme")], "organization.updated", "named \"Acme\""),
        ]
    );
    Ok(())
}

async fn in_the_project(bench: &mut Bench) -> anyhow::Result<()> {
    use {blocks::Act as Block, limits::Act as Limit, project_members::Act as Member, projects::Act as Project};
    steps!(
        bench,
        bench.project("Support"),
        [
            (Act::Projects(Project::Edit), &[("description", "Answers")], "project.updated", "\"Support\" is changed"),
            (
                Act::Limits(Limit::Budget),
                &[("budget", "500"), ("threshold", "none")],
                "limits.updated",
                "$500.00, the threshold none"
            ),
            (
                Act::Limits(Limit::ModelBudget),
                &[("of", "gpt-4o"), ("budget", "50")],
                "limits.updated",
                "the model's budget is $50.00"
            ),
            (
                Act::Limits(Limit::MemberBudget),
                &[("of", "kim@"), ("budget", "60")],
                "limits.updated",
                "the member's budget is $60.00"
            ),
            (
                Act::Limits(Limit::Budget),
                &[("budget", "55"), ("lower_parts", "yes")],
                "limits.updated",
                "lowered along: member"
            ),
            (
                Act::ServiceAccounts(service_accounts::Act::Create),
                &[("name", "bot")],
                "service_account.created",
                "\"bot\" is made"
            ),
            (
                Act::Keys(keys::Act::Create),
                &[
                    ("owner", "bot"),
                    ("name", "nightly"),
                    ("kind", "restricted"),
                    ("scopes", "models=read"),
                    ("expires", "7d")
                ],
                "api_key.created",
                "nightly of bot is made"
            ),
            (
                Act::Keys(keys::Act::Create),
                &[("email", "eve@acme.test"), ("owner", "kim@")],
                "user.added",
                "of eve@acme.test is made"
            ),
            (
                Act::ServiceAccounts(service_accounts::Act::Remove),
                &[("account", "bot")],
                "service_account.deleted",
                "\"bot\" is removed"
            ),
            (
                Act::ProjectMembers(Member::Role),
                &[("member", "kim@"), ("role", "owner")],
                "project_user.updated",
                "kim@acme.test is owner"
            ),
            (
                Act::ProjectMembers(Member::Remove),
                &[("member", "eve@")],
                "project_user.deleted",
                "eve@acme.test is out"
            ),
            (
                Act::ProjectMembers(Member::Add),
                &[("member", "eve@")],
                "project_user.added",
                "eve@acme.test is in the project as member"
            ),
            (
                Act::Blocks(Block::Block),
                &[("reason", "abuse"), ("until", "2h")],
                "block.created",
                "the block on the project is placed until 2026-11-23T14"
            ),
            (
                Act::Blocks(Block::Lift),
                &[("block", "the project Support")],
                "block.lifted",
                "the block on the project is lifted"
            ),
            (
                Act::Blocks(Block::Unblock),
                &[("reason", "launch day")],
                "release.created",
                "the release on the project is placed"
            ),
            (Act::Blocks(Block::Unblock), &[], "release.lifted", "the release on the project is lifted"),
            (
                Act::Blocks(Block::Release),
                &[("reason", "launch day"), ("until", "")],
                "release.created",
                "the release on the project is placed"
            ),
        ]
    );
    Ok(())
}

async fn on_the_key(bench: &mut Bench) -> anyhow::Result<()> {
    use keys::Act as Key;
    steps!(
        bench,
        bench.key("ci"),
        [
            (Act::Limits(limits::Act::KeyBudget), &[("budget", "20")], "limits.updated", "the key's budget is $20.00"),
            (
                Act::Keys(Key::Edit),
                &[("kind", "read_only"), ("expires", "2026-12-24")],
                "api_key.updated",
                "ci is changed"
            ),
            (Act::Keys(Key::Rotate), &[("grace", "0")], "api_key.rotated", "has another secret"),
            (Act::Keys(Key::Disable), &[], "api_key.disabled", "ci is disabled"),
            (Act::Keys(Key::Enable), &[], "api_key.enabled", "ci is enabled"),
            (
                Act::Blocks(blocks::Act::Block),
                &[("reason", "leaked")],
                "block.created",
                "the block on the key is placed"
            ),
            (Act::Keys(Key::Revoke), &[], "api_key.deleted", "ci is revoked"),
        ]
    );
    Ok(())
}

async fn on_an_alert(bench: &mut Bench) -> anyhow::Result<()> {
    let project = bench.project("Search").await?;
    let limits: &[(&str, &str)] = &[("budget", "none"), ("threshold", "0")];
    bench.act(Act::Limits(limits::Act::Budget), &project, (limits, "limits.updated")).await?;
    let acknowledge: (&[_], &str) = (&[], "alert.acknowledged");
    let alert = bench.alert().await?;
    let done = bench.act(Act::Alerts(alerts::Act::Acknowledge), &alert, acknowledge).await?;
    assert_eq!(done.words, "the alert on Search is acknowledged");
    Ok(())
}

async fn in_the_deployment(bench: &mut Bench) -> anyhow::Result<()> {
    bench.quarantine().await?;
    steps!(
        bench,
        async { anyhow::Ok(Target::Deployment) },
        [
            (
                Act::Organizations(organizations::Act::Create),
                &[("name", "Globex"), ("owner", "hank@globex.test")],
                "organization.created",
                "\"Globex\" is made"
            ),
            (Act::Quarantine(quarantine::Act::Retry), &[("which", "not_json of a.log: 3")], "", "3 read again"),
            (
                Act::Quarantine(quarantine::Act::Forget),
                &[("which", "all of them: 3"), ("because", "torn")],
                "quarantine.forgotten",
                "3 of the quarantine are forgotten"
            ),
        ]
    );
    for (act, value) in settings::Act::ALL.into_iter().zip(["9", "5kB", "0", "7MB"]) {
        let done = bench.act(Act::Settings(act), &Target::Deployment, (&[("value", value)], "setting.updated")).await?;
        assert!(done.words.contains(" is "), "{}", done.words);
    }
    Ok(())
}

each_engine! {
    async fn r42_every_act_is_done_and_written_down(place: &TestStore) -> anyhow::Result<()> {
        let mut bench = Bench::open(place).await?;
        in_the_organization(&mut bench).await?;
        in_the_project(&mut bench).await?;
        on_the_key(&mut bench).await?;
        on_an_alert(&mut bench).await?;
        in_the_deployment(&mut bench).await?;
        let project = bench.project("Eval").await?;
        let archived = bench.act(Act::Projects(projects::Act::Archive), &project, (&[("name", "Eval")], "project.archived"));
        assert!(archived.await?.words.contains("\"Eval\" is archived"));
        let forgotten: Vec<Act> = Act::all().filter(|act| !bench.done.contains(act)).collect();
        assert_eq!(forgotten, [], "each act is done in this test");
        changed(&bench).await
    }

    async fn r15_a_secret_comes_with_what_was_done_and_stays_out_of_debug(place: &TestStore) -> anyhow::Result<()> {
        let mut bench = Bench::open(place).await?;
        let project = bench.project("Support").await?;
        let done = bench.act(Act::Keys(keys::Act::Create), &project, (&[("owner", "kim@")], "api_key.created")).await?;
        let secret = done.secret.clone().unwrap();
        assert!(secret.reveal().starts_with("sk-proj-") && !format!("{done:?}").contains(&secret.reveal()[8..]));
        let view = View::new(&bench.doer.store, &bench.doer.actor).await?;
        assert_eq!(view.key(secret.reveal()).await?.redacted_value, secret.redacted());
        Ok(())
    }

    async fn r21_what_is_destroyed_says_what_it_hits(place: &TestStore) -> anyhow::Result<()> {
        let bench = Bench::open(place).await?;
        let (project, key) = (bench.project("Support").await?, bench.key("ci").await?);
        for (act, target) in [
            (Act::Projects(projects::Act::Archive), &project),
            (Act::Blocks(blocks::Act::Block), &project),
            (Act::Keys(keys::Act::Revoke), &key),
        ] {
            let told = bench.sheet(act, target, &[]).await.unwrap().form.told();
            assert!(told.contains("Stops 1 key at once. Never used yet."), "{act:?}: {told}");
        }
        let told = bench.sheet(Act::Projects(projects::Act::Archive), &project, &[]).await.unwrap().form.told();
        assert!(told.contains("Spent this month: $0.") && told.contains("Cannot be undone."), "{told}");
        let remove = Act::ProjectMembers(project_members::Act::Remove);
        let told = bench.sheet(remove, &project, &[]).await.unwrap().form.told();
        assert!(told.contains("kim@acme.test Stops 1 key at once."), "{told}");
        Ok(())
    }

    async fn r10_only_candidates_are_offered_for_a_project(place: &TestStore) -> anyhow::Result<()> {
        let bench = Bench::open(place).await?;
        let project = bench.project("Support").await?;
        let sheet = bench.sheet(Act::ProjectMembers(project_members::Act::Add), &project, &[]).await.unwrap();
        let told = sheet.form.told();
        assert!(told.contains("lee@acme.test") && !told.contains("kim@") && !told.contains("dana@"), "{told}");
        Ok(())
    }

    async fn r6_a_person_is_permitted_what_they_may_and_refused_by_control_else(place: &TestStore) -> anyhow::Result<()> {
        let mut bench = Bench::open(place).await?;
        let (organization, project, key) =
            (bench.organization().await?, bench.project("Support").await?, bench.key("ci").await?);
        bench.doer.actor = bench.person("kim@acme.test").await?;
        let sight = bench.doer.sight().await.unwrap();
        let permitted = |target: &Target| -> Vec<Act> {
            Wish::all(target).into_iter().filter(|wish| wish.permit(&sight).is_ok()).map(|wish| wish.act).collect()
        };
        assert_eq!(permitted(&project), [Act::Keys(keys::Act::Create)]);
        let own = [keys::Act::Edit, keys::Act::Rotate, keys::Act::Disable, keys::Act::Revoke].map(Act::Keys);
        assert_eq!(permitted(&key), own);
        assert_eq!(permitted(&organization), [Act::AdminKeys(admin_keys::Act::Revoke)]);
        assert_eq!(permitted(&Target::Deployment), []);
        let archive = Wish { act: Act::Projects(projects::Act::Archive), target: project.clone() };
        assert_eq!(archive.permit(&sight), Err("an owner of the project or the organization"));

        let deed = Deed::Projects(projects::Deed::Archive { project: project.id().to_owned(), typed_name: "Support".into() });
        let refused = bench.doer.carry_out(deed).await.unwrap_err();
        assert!(refused.contains("kim@acme.test may not archive the project"), "{refused}");
        let done = bench.doer.carry_out(Deed::Keys(keys::Deed::Switch { key: key.id().to_owned(), to: mete_core::directory::KeyStatus::Disabled }));
        assert!(done.await.unwrap().words.contains("ci is disabled"));
        Ok(())
    }
}

/// What the acts left behind, as everybody sees it.
async fn changed(bench: &Bench) -> anyhow::Result<()> {
    let store = &bench.doer.store;
    let view = View::new(store, &bench.doer.actor).await?;
    let organization = view.organization("Acme").await?;
    let seen = view.organization_view(&organization, now().month()).await?;
    assert_eq!(seen.limits.budget, Some("1000".parse()?));
    let project = view.project(None, "Support").await?;
    assert_eq!(project.description, "Answers");
    assert_eq!(view.project_view(&project, now().month()).await?.limits.budget, Some("55".parse()?));
    let key = view.key("ci").await?;
    assert_eq!(key.status, mete_core::directory::KeyStatus::Revoked);
    assert_eq!(key.expires_at, Some("2026-12-24T00:00:00Z".parse()?));
    let nightly = view.key("nightly").await?;
    assert_eq!(nightly.permissions.to_string(), "restricted: models=read");
    assert_eq!(view.project(None, "Eval").await?.status, ProjectStatus::Archived);
    assert_eq!((store.setting(Setting::FileQuotaBytes).await?, store.count_quarantine().await?), (5_000, 0));
    let members = view.organization_members(&organization).await?;
    assert!(members.iter().any(|member| member.email.as_deref() == Some("kim@acme.test") && member.usage_grant));
    assert!(!members.iter().any(|member| member.email.as_deref() == Some("new@acme.test")));
    Ok(())
}
