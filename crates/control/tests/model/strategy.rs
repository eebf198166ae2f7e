//! Random sequences of tries.

use mete_core::directory::OrganizationRole;
use mete_core::manual_block::ManualBlockKind;
use mete_core::people::{ProjectRole, ServiceAccountRole};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::op::{
    Allowed, By, Days, DirectoryOp, Edit, KeysOp, Limit, LimitsOp, MODELS, NAMES, NOTHING, Of, On, Op, Owner, PEOPLE,
    PeopleOp, Pick, RATES, Step, WEBSITES,
};
use crate::opening::{ALPHA, BETA, LEAD, OWNERS, READER};

/// One of the first `count` things of a kind; seldom none.
fn pick(count: Pick) -> impl Strategy<Value = Pick> + Clone {
    prop_oneof![40 => 0..count, 1 => Just(NOTHING)]
}

fn org() -> impl Strategy<Value = Pick> + Clone {
    prop_oneof![6 => Just(0), 1 => Just(1), 2 => Just(2), 1 => Just(3)]
}

/// Default projects come first; those of the opening are more often meant.
fn project() -> impl Strategy<Value = Pick> + Clone {
    prop_oneof![2 => pick(3), 6 => ALPHA..=BETA, 3 => 5..10_u8]
}

/// Those who are somewhere between owner and nobody are more often meant.
fn person() -> impl Strategy<Value = Pick> + Clone {
    prop_oneof![3 => LEAD..=READER, 4 => 0..PEOPLE as Pick]
}

fn key() -> impl Strategy<Value = Pick> + Clone {
    prop_oneof![3 => pick(7), 1 => pick(16)]
}

fn name() -> impl Strategy<Value = usize> {
    0..NAMES.len()
}

fn days() -> impl Strategy<Value = Days> {
    prop_oneof![5 => Just(None), 3 => (1..6_i64).prop_map(Some), 1 => (-1..1_i64).prop_map(Some)]
}

fn organization_role() -> impl Strategy<Value = OrganizationRole> {
    prop_oneof![Just(OrganizationRole::Reader), Just(OrganizationRole::Owner)]
}

fn project_role() -> impl Strategy<Value = ProjectRole> {
    prop_oneof![Just(ProjectRole::Member), Just(ProjectRole::Owner)]
}

fn of() -> impl Strategy<Value = Of> {
    prop_oneof![2 => org().prop_map(Of::Org), 3 => project().prop_map(Of::Project)]
}

fn directory() -> impl Strategy<Value = DirectoryOp> {
    use DirectoryOp::*;
    prop_oneof![
        1 => (option::of(org()), person()).prop_map(|(parent, owner)| CreateOrg { parent, owner }),
        1 => Just(Init),
        2 => (org(), name()).prop_map(|(org, name)| RenameOrg(org, name)),
        9 => (org(), prop_oneof![3 => 3..6_usize, 1 => name()]).prop_map(|(org, name)| CreateProject(org, name)),
        6 => (project(), name(), 0..WEBSITES.len()).prop_map(|(project, name, site)| EditProject(project, name, site)),
        5 => (project(), prop::bool::weighted(0.9)).prop_map(|(project, right)| Archive(project, right)),
        1 => (-1..8_i64).prop_map(MaxProjects),
    ]
}

fn people() -> impl Strategy<Value = PeopleOp> {
    use PeopleOp::*;
    let projects = vec((project(), project_role()), 0..3);
    prop_oneof![
        6 => (org(), person(), organization_role()).prop_map(|(org, person, role)| SetRole(org, person, role)),
        6 => (org(), person()).prop_map(|(org, person)| Remove(org, person)),
        2 => (org(), person(), any::<bool>()).prop_map(|(org, person, grant)| Grant(org, person, grant)),
        6 => (project(), person(), project_role()).prop_map(|(project, person, role)| AddMember(project, person, role)),
        1 => (project(), pick(4)).prop_map(|(project, account)| AddAccount(project, account)),
        4 => (project(), person(), project_role()).prop_map(|(project, person, role)| SetProjectRole(project, person, role)),
        5 => (project(), person()).prop_map(|(project, person)| RemoveMember(project, person)),
        6 => (org(), person(), organization_role(), projects)
            .prop_map(|(org, person, role, projects)| Invite { org, person, role, projects }),
        6 => (prop_oneof![2 => 3..6_u8, 1 => pick(12)], name()).prop_map(|(invite, name)| Accept(invite, name)),
        2 => pick(12).prop_map(RevokeInvite),
    ]
}

fn allowed() -> impl Strategy<Value = Allowed> {
    prop_oneof![
        4 => Just(Allowed::All),
        2 => Just(Allowed::ReadOnly),
        2 => Just(Allowed::Restricted),
        1 => Just(Allowed::Crooked),
    ]
}

fn keys() -> impl Strategy<Value = KeysOp> {
    use KeysOp::*;
    let role =
        prop_oneof![Just(ServiceAccountRole::Owner), Just(ServiceAccountRole::Member), Just(ServiceAccountRole::None)];
    let owner = prop_oneof![
        3 => Just(Owner::Own),
        3 => person().prop_map(Owner::Person),
        2 => pick(5).prop_map(Owner::Account),
    ];
    let edit = prop_oneof![
        name().prop_map(Edit::Name),
        allowed().prop_map(Edit::Allowed),
        days().prop_map(Edit::Expires),
        project().prop_map(Edit::Move),
    ];
    prop_oneof![
        4 => (of(), name()).prop_map(|(of, name)| CreateAccount(of, name)),
        2 => (pick(6), role).prop_map(|(account, role)| AccountRole(account, role)),
        3 => pick(6).prop_map(RemoveAccount),
        12 => (project(), owner, allowed(), days())
            .prop_map(|(project, owner, allowed, expires)| CreateKey { project, owner, allowed, expires }),
        4 => (key(), edit).prop_map(|(key, edit)| EditKey(key, edit)),
        4 => key().prop_map(Disable),
        7 => key().prop_map(Enable),
        2 => key().prop_map(Revoke),
        3 => (key(), prop_oneof![4 => 0..30_i64, 1 => Just(31)]).prop_map(|(key, grace)| Rotate(key, grace)),
        3 => (org(), option::of(person()), days()).prop_map(|(org, person, days)| CreateAdminKey(org, person, days)),
        2 => pick(5).prop_map(RevokeAdminKey),
    ]
}

fn amount() -> impl Strategy<Value = Option<i64>> {
    // Nothing is spent here: nothing is the amount that is reached.
    let tens = (1..6_i64).prop_map(|tens| Some(tens * 10));
    prop_oneof![2 => Just(None), 10 => tens, 2 => Just(Some(0)), 1 => Just(Some(-1))]
}

fn limit() -> impl Strategy<Value = Limit> {
    let models = option::of(vec(prop_oneof![12 => 0..3_usize, 1 => Just(MODELS.len() - 1)], 0..4));
    let rate = option::weighted(0.8, 1..6_u64);
    prop_oneof![
        3 => amount().prop_map(Limit::Budget),
        2 => amount().prop_map(Limit::Threshold),
        2 => models.prop_map(Limit::Models),
        2 => (0..2_usize, 0..RATES.len(), rate).prop_map(|(model, rate, value)| Limit::Rate(model, rate, value)),
    ]
}

fn limits() -> impl Strategy<Value = LimitsOp> {
    let on = prop_oneof![2 => key().prop_map(On::Key), 1 => project().prop_map(On::Project)];
    let kind = prop_oneof![Just(ManualBlockKind::Block), Just(ManualBlockKind::Release)];
    prop_oneof![
        6 => (of(), vec(limit(), 1..3), prop::bool::weighted(0.25))
            .prop_map(|(of, set, lower)| LimitsOp::Limits { of, set, lower }),
        3 => (on, kind, prop::bool::weighted(0.9), days())
            .prop_map(|(on, kind, reason, until)| LimitsOp::Block { on, kind, reason, until }),
        2 => pick(5).prop_map(LimitsOp::Lift),
        3 => (pick(4), pick(4)).prop_map(|(one, other)| LimitsOp::Acknowledge(one, other)),
    ]
}

fn by() -> impl Strategy<Value = By> + Clone {
    prop_oneof![
        5 => Just(By::Operator),
        3 => Just(By::Person(OWNERS[0])),
        3 => Just(By::Person(LEAD)),
        5 => person().prop_map(By::Person),
        3 => pick(4).prop_map(By::AdminKey),
    ]
}

/// One try. The parts are boxed: together they would be too much for the stack.
fn step() -> impl Strategy<Value = Step> {
    let op = prop_oneof![
        5 => directory().prop_map(Op::Directory).boxed(),
        8 => people().prop_map(Op::People).boxed(),
        8 => keys().prop_map(Op::Keys).boxed(),
        6 => limits().prop_map(Op::Limits).boxed(),
        1 => prop_oneof![Just(1_i64), Just(24), Just(100), Just(170)].prop_map(Op::Wait),
    ];
    (by(), op).prop_map(|(by, op)| Step(by, op))
}

/// Somebody leaves a project or the organization, perhaps comes back, and a key is switched on.
fn leaving() -> impl Strategy<Value = Vec<Step>> {
    (by(), project(), person(), key(), 0..4_u8).prop_map(|(by, project, person, key, way)| {
        let left = if way < 2 { PeopleOp::RemoveMember(project, person) } else { PeopleOp::Remove(0, person) };
        let mut steps = vec![Step(by, Op::People(left))];
        if way == 1 {
            steps.push(Step(by, Op::People(PeopleOp::AddMember(project, person, ProjectRole::Member))));
        }
        steps.push(Step(by, Op::Keys(KeysOp::Enable(key))));
        steps
    })
}

/// Somebody who was invited comes.
fn coming() -> impl Strategy<Value = Vec<Step>> {
    (3..6_u8).prop_map(|invite| vec![Step(By::Operator, Op::People(PeopleOp::Accept(invite, 0)))])
}

/// Random tries, with a few that belong together among them.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let some = prop_oneof![24 => step().prop_map(|step| vec![step]).boxed(), 2 => leaving().boxed(), 1 => coming()];
    vec(some, 1..60).prop_map(|parts| parts.concat())
}
