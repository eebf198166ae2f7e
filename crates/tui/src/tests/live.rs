use std::sync::Arc;
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a person looks at it"]
async fn live() {
    let (tx, rx) = tokio::sync::watch::channel(vec![
        "12:31:01  the gate answers 204".to_owned(),
        "12:31:02  the gate answers 429 project_spend_limit_exceeded".to_owned(),
    ]);
    let banner = std::env::var_os("BANNER").map(|_| rx);
    let light = std::env::var("LIGHT").ok().map(|l| l == "1");
    let no_color = std::env::var_os("NO_COLOR").is_some();
    crate::show(
        Arc::new(crate::samples::World::default()),
        Arc::new(mete_core::ManualClock::new(crate::samples::now())),
        crate::Options { no_color, light, actor: "operator".to_owned(), banner },
    )
    .await
    .unwrap();
    drop(tx);
}
