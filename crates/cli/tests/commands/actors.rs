//! As whom a command acts (R45), and what it refuses a person.

use anyhow::Result;
use mete_tests::process::Run;
use mete_tests::{TestStore, each_engine};

use crate::support::Mete;

each_engine! {
    async fn r45_a_person_acts_with_their_own_rights(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["key", "create", "--project", "Support", "--member", "kim@acme.test"])?;
        let refused = mete.refused(["project", "create", "Search", "--org", "Acme", "--as", "kim@acme.test"])?;
        assert_eq!(refused.code, "not_permitted", "{refused:?}");
        assert!(refused.message.contains("an owner of the organization"), "{refused:?}");
        mete.json(["project", "create", "Search", "--org", "Acme", "--as", "Dana@Acme.test"])?;
        // What a person may not see does not exist for them.
        assert_eq!(mete.refused(["project", "show", "Search", "--as", "kim@acme.test"])?.code, "not_found");
        assert_eq!(mete.json(["project", "show", "Support", "--as", "kim@acme.test"])?["name"], "Support");
        Ok(())
    }

    async fn r45_nobody_acts_as_somebody_unknown(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        for nobody in ["lee@acme.test", "DANA", "dana@acme.test\u{1b}[2J"] {
            for args in [["org", "list", "--as", nobody], ["key", "list", "--as", nobody]] {
                let refused = mete.refused(args)?;
                assert!(["not_found", "invalid"].contains(&refused.code.as_str()), "{nobody:?}: {refused:?}");
            }
        }
        let unknown = Run::of(mete.command(["org", "list"]).env("METE_ACTOR", "lee@acme.test"))?;
        assert!(unknown.status.code() == Some(1) && unknown.stderr.contains("lee@acme.test"), "{unknown:?}");
        let unset = Run::of(mete.command(["org", "list"]).env("METE_ACTOR", ""))?;
        assert!(unset.status.success(), "{unset:?}");
        Ok(())
    }

    /// Not even an owner of an organization: these are about the deployment.
    async fn r45_what_is_the_operators_alone_says_so(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let quarantine = ["quarantine list", "quarantine retry --all", "quarantine forget --all --because x -y", "sources"];
        for command in quarantine.into_iter().chain(["verify", "ingest", "demo --headless", "init --org B --owner b@b.test"]) {
            let run = mete.run(command.split(' ').chain(["--as", "dana@acme.test", "--json"]))?;
            assert!(run.status.code() == Some(1) && run.stdout.is_empty(), "{command}: {run:?}");
            for said in [r#""code":"not_permitted""#, "only the operator", "leave out --as and METE_ACTOR"] {
                assert!(run.stderr.contains(said), "{command}: {run:?}");
            }
        }
        Ok(())
    }
}
