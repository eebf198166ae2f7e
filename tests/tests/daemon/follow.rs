use mete_tests::{TestStore, each_engine};
use anyhow::Result;
use crate::support::Stage;
each_engine! {
    async fn a_file_is_followed_from_before_it_exists(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        let meted = stage.follow("usage.jsonl")?;
        stage.write(&path, 3);
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    }
}
