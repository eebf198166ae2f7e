//! The directory that every sequence begins with: Acme (0) with its part (1), and another organization (2).

use mete_core::directory::OrganizationRole;
use mete_core::manual_block::ManualBlockKind;
use mete_core::people::ProjectRole;

use crate::op::{Allowed, By, DirectoryOp, KeysOp, Limit, LimitsOp, Of, On, Op, Owner, PeopleOp, Pick, Step};

/// Owners of the three organizations.
pub const OWNERS: [Pick; 3] = [0, 1, 2];
/// In Acme: an owner of the project Alpha, a member of Alpha and Beta, a reader; then one who is nowhere.
pub const LEAD: Pick = 3;
pub const MEMBER: Pick = 4;
pub const READER: Pick = 5;
const NOWHERE: Pick = 6;
/// The projects after the three default ones.
pub const ALPHA: Pick = 3;
pub const BETA: Pick = 4;

fn operator(op: Op) -> Step {
    Step(By::Operator, op)
}

fn key(person: Pick, project: Pick) -> Step {
    let (owner, allowed) = (Owner::Own, Allowed::All);
    Step(By::Person(person), Op::Keys(KeysOp::CreateKey { project, owner, allowed, expires: None }))
}

/// An invite, accepted; the number of those before is its position.
fn joins(person: Pick, number: Pick, projects: &[(Pick, ProjectRole)]) -> [Step; 2] {
    let projects = projects.to_vec();
    let invite = PeopleOp::Invite { org: 0, person, role: OrganizationRole::Reader, projects };
    [Step(By::Person(OWNERS[0]), Op::People(invite)), Step(By::Person(person), Op::People(PeopleOp::Accept(number, 0)))]
}

/// What is done first.
pub fn opening() -> Vec<Step> {
    let directory = |op| operator(Op::Directory(op));
    let mut steps = vec![directory(DirectoryOp::MaxProjects(3))];
    for (owner, parent) in OWNERS.into_iter().zip([None, Some(0), None]) {
        steps.push(directory(DirectoryOp::CreateOrg { parent, owner }));
    }
    steps.extend([(0, 0), (0, 2), (2, 0)].map(|(org, name)| directory(DirectoryOp::CreateProject(org, name))));
    steps.extend(joins(LEAD, 0, &[(ALPHA, ProjectRole::Owner)]));
    steps.extend(joins(MEMBER, 1, &[(ALPHA, ProjectRole::Member), (BETA, ProjectRole::Member)]));
    steps.extend(joins(READER, 2, &[]));
    steps.extend([key(LEAD, ALPHA), key(MEMBER, ALPHA), key(MEMBER, BETA), key(OWNERS[0], ALPHA), key(READER, 0)]);
    steps.push(Step(By::Person(LEAD), Op::Keys(KeysOp::CreateAccount(Of::Project(ALPHA), 0))));
    steps.push(Step(By::Person(OWNERS[0]), Op::Keys(KeysOp::CreateAccount(Of::Org(0), 2))));
    steps.push(Step(By::Person(OWNERS[0]), Op::Keys(KeysOp::CreateAdminKey(0, None, None))));
    steps.push(operator(Op::Keys(KeysOp::CreateAdminKey(0, Some(LEAD), Some(5)))));
    // An invite, limits and blocks that wait for what comes.
    let projects = vec![(ALPHA, ProjectRole::Member), (BETA, ProjectRole::Owner)];
    let invite = PeopleOp::Invite { org: 0, person: NOWHERE, role: OrganizationRole::Reader, projects };
    steps.push(operator(Op::People(invite)));
    let limits = |of, set| operator(Op::Limits(LimitsOp::Limits { of, set, lower: false }));
    let models = || Limit::Models(Some(vec![0, 1]));
    steps.push(limits(Of::Org(0), vec![Limit::Budget(Some(30)), models(), Limit::Rate(0, 0, Some(3))]));
    steps.push(limits(Of::Project(ALPHA), vec![Limit::Threshold(Some(20)), models(), Limit::Rate(0, 0, Some(2))]));
    // What is reached at once raises an alert each.
    steps.push(limits(Of::Project(BETA), vec![Limit::Threshold(Some(0))]));
    steps.push(limits(Of::Org(2), vec![Limit::Budget(Some(0))]));
    for on in [On::Key(1), On::Project(BETA)] {
        let kind = ManualBlockKind::Block;
        steps.push(operator(Op::Limits(LimitsOp::Block { on, kind, reason: true, until: None })));
    }
    steps
}
