//! Organizations and sub-organizations: R1, R3.

use mete_control::{
    Control, ControlError, CreatedOrganization, LimitChange, LimitsOf, ListedProjects, NewOrganizationInput,
    NewProjectInput,
};
use mete_core::Nanos;
use mete_core::actor::Actor;
use mete_core::directory::OrganizationRole;
use mete_store::SpendBy;
use mete_tests::{TestStore, each_engine};

use crate::traces::Traces;
use crate::world::{DANA, Ground, MIA, OTTO, REY, World, november, operator, refused};

const LEE: &str = "lee@labs.test";

async fn labs(w: &World<'_>, who: &Actor) -> Result<CreatedOrganization, ControlError> {
    below(&w.control, who, ("Labs", w.org())).await
}

async fn below(
    control: &Control<'_>,
    who: &Actor,
    (name, parent): (&str, &str),
) -> Result<CreatedOrganization, ControlError> {
    let input = NewOrganizationInput { name: name.into(), owner: LEE.into(), parent: Some(parent.into()) };
    control.create_organization(who, &input).await
}

each_engine! {
    async fn r1_only_the_operator_makes_organizations(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let input = NewOrganizationInput { name: "Own".into(), owner: DANA.into(), parent: None };
        let before = Traces::of(&w).await?;
        refused(w.control.create_organization(&w.person(DANA).await?, &input).await, "not_permitted", "the operator");
        refused(w.control.init(&operator(), &input).await, "conflict", "an organization already");
        before.assert_same_but(&Traces::of(&w).await?, 1);
        for (name, owner, words) in [("", DANA, "a name is needed"), ("Own", "dana", "no e-mail address")] {
            let input = NewOrganizationInput { name: name.into(), owner: owner.into(), parent: None };
            refused(w.control.create_organization(&operator(), &input).await, "invalid", words);
        }
        let made = w.control.create_organization(&operator(), &input).await?;
        assert!(made.organization.id.starts_with("org-"));
        let owners = w.store.organization_owners(&made.organization.id).await?;
        assert_eq!(owners.into_iter().map(|owner| owner.email).collect::<Vec<_>>(), [DANA]);
        w.assert_chained().await
    }

    async fn r1_owners_rename_their_organization(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let rename = async |who: Actor, name: &str| w.control.rename_organization(&who, w.org(), name).await;
        refused(rename(w.person(REY).await?, "Mine").await, "not_permitted", "an owner of the organization");
        refused(rename(w.person(OTTO).await?, "Mine").await, "not_found", "there is no organization");
        refused(rename(operator(), "a\nb").await, "invalid", "control character");
        assert_eq!(rename(w.person(DANA).await?, " Acme & Sons ").await?.name, "Acme & Sons");
        Ok(())
    }

    async fn r3_a_sub_organization_has_its_default_project_only(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        refused(labs(&w, &w.person(REY).await?).await, "not_permitted", "an owner of the organization");
        refused(labs(&w, &w.person(OTTO).await?).await, "not_found", "there is no organization");
        let labs = labs(&w, &w.person(DANA).await?).await?;
        let id = labs.organization.id.as_str();
        assert_eq!(labs.organization.parent_id.as_deref(), Some(w.org()));
        let lee = &w.person(LEE).await?;
        for who in [lee, &operator()] {
            let made = w.control.create_project(who, &NewProjectInput::named(id, "Bot")).await;
            refused(made, "invalid", "its default project only");
            refused(below(&w.control, who, ("Deeper", id)).await, "invalid", "one level only");
        }
        // Its owners own it, and nothing of what is above.
        w.control.rename_organization(lee, id, "Laboratories").await?;
        refused(w.view(lee).await?.organization(w.org()).await, "not_found", "there is no organization");
        Ok(())
    }

    async fn r3_its_spend_is_on_the_bill_of_the_organization_above(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let labs = labs(&w, &operator()).await?;
        let (dana, lee, mia) = (&w.person(DANA).await?, &w.person(LEE).await?, &w.person(MIA).await?);
        w.book(&labs.default_project.id, 7, None).await?;
        let listed = async |who: &Actor| {
            let listed = w.view(who).await?.organizations(november()).await?;
            anyhow::Ok(listed.into_iter().map(|view| (view.organization.name, view.spend)).collect::<Vec<_>>())
        };
        let dollars = |amount| Some(Nanos::from_dollars(amount));
        // Acme's own spend is the 3 dollars of Side.
        assert_eq!(listed(dana).await?, [("Acme".to_owned(), dollars(10)), ("Labs".to_owned(), dollars(7))]);
        assert_eq!(listed(lee).await?, [("Labs".to_owned(), dollars(7))]);
        assert_eq!(listed(mia).await?, [("Acme".to_owned(), None)]);
        let by_project = async |who: &Actor, organization: &str| {
            let view = w.view(who).await?;
            let organization = view.organization(organization).await?;
            let rows = view.spend((Some(&organization), None), (november(), SpendBy::Project)).await?;
            let mut spend: Vec<_> = rows.into_iter().map(|row| (row.id, row.spend)).collect();
            spend.sort();
            Ok::<_, ControlError>(spend)
        };
        let of_labs = (labs.default_project.id.clone(), Nanos::from_dollars(7));
        let mut of_both = vec![of_labs.clone(), (w.side.clone(), Nanos::from_dollars(3))];
        of_both.sort();
        assert_eq!(by_project(dana, w.org()).await?, of_both);
        assert_eq!(by_project(dana, "Labs").await?, std::slice::from_ref(&of_labs));
        assert_eq!(by_project(lee, "Labs").await?, [of_labs]);
        refused(by_project(mia, "Labs").await, "not_found", "there is no organization");
        Ok(())
    }

    async fn r3_whoever_pays_for_it_sees_the_bill_and_changes_nothing(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let labs = labs(&w, &operator()).await?;
        let (id, dana) = (labs.organization.id.as_str(), &w.person(DANA).await?);
        let view = w.view(dana).await?;
        let wanted = ListedProjects { organization_id: Some(id), status: None };
        assert_eq!(view.projects(wanted, november()).await?, []);
        refused(view.project(None, &labs.default_project.id).await, "not_found", "there is no project");
        refused(view.organization_members(&labs.organization).await, "not_permitted", "an owner of the organization");
        // What she sees in her list does not cease to exist when she tries to change it.
        let before = Traces::of(&w).await?;
        let owner = "an owner of the organization";
        refused(w.control.rename_organization(dana, id, "Mine").await, "not_permitted", owner);
        let budget = LimitChange { budget: Some(Some(Nanos::ZERO)), ..LimitChange::default() };
        refused(w.control.set_limits(dana, &LimitsOf::Organization(id.into()), &budget).await, "not_permitted", owner);
        let member = w.control.set_organization_role(dana, (id, LEE), OrganizationRole::Reader).await;
        refused(member, "not_permitted", owner);
        before.assert_same_but(&Traces::of(&w).await?, 3);
        // Who only reads in Acme does not know of it.
        refused(w.control.rename_organization(&w.person(MIA).await?, id, "Mine").await, "not_found", "no organization");
        Ok(())
    }
}
