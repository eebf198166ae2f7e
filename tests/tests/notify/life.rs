//! Notifications in the daemon's life: configured later, stopped in the middle, counted.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result, ensure};
use mete_store::DeliveryState;
use mete_tests::meted::LIMIT;
use mete_tests::postgres::free_port;
use mete_tests::{Meted, TestStore, each_engine, wait};
use rustix::process::Signal;
use serde_json::json;

use crate::server::Server;
use crate::stage::Stage;

async fn all_are(stage: &Stage<'_>, state: DeliveryState) -> Result<()> {
    wait::eventually(&format!("three deliveries {}", state.as_str()), LIMIT, async || {
        let deliveries = stage.deliveries().await.ok()?;
        (deliveries.len() == 3 && deliveries.iter().all(|it| it.state == state)).then_some(())
    })
    .await
}

fn metrics(port: u16) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

each_engine! {
    async fn r27_who_could_not_be_told_is_told_once_a_mail_server_is_configured(place: &TestStore) -> Result<()> {
        let mut stage = Stage::new(place).await?;
        let port = free_port()?;
        let listen = format!("[listen]\naddress = '127.0.0.1:{port}'\n");
        let meted = Meted::start(&stage.configure(&listen)?)?;
        // Raised by somebody else than the daemon.
        stage.spend()?;
        wait::eventually("the spend", LIMIT, async || {
            (stage.store.verify().await.ok()?.events == 1).then_some(())
        })
        .await?;
        stage.threshold(1).await?;
        all_are(&stage, DeliveryState::NoChannel).await?;
        meted.said("[notify.smtp] is not configured")?;
        wait::until("the figure", LIMIT, || metrics(port).ok()?.contains("mete_notify_no_channel 3").then_some(()))?;

        let server = Server::start(place.dir(), &json!({}))?;
        stage.configure(&format!("{listen}{}", server.plain_settings(30)))?;
        meted.0.signal(Signal::HUP)?;
        all_are(&stage, DeliveryState::Sent).await?;
        assert_eq!(server.taken().len(), 3);
        let told = wait::until("the figures", LIMIT, || {
            let text = metrics(port).ok()?;
            let counted = text.contains("mete_notify_attempts_total{channel=\"email\",outcome=\"sent\"} 3");
            (counted && text.contains("mete_notify_waiting 0")).then_some(text)
        })?;
        ensure!(told.contains("mete_notify_oldest_waiting_seconds 0"), "{told}");
        meted.stop()?;
        Ok(())
    }

    async fn a_stop_lets_the_message_under_way_arrive(place: &TestStore) -> Result<()> {
        let mut stage = Stage::new(place).await?;
        let server = Server::start(place.dir(), &json!({"delay": 1500}))?;
        let mut meted = Meted::start(&stage.configure(&server.plain_settings(30))?)?;
        stage.threshold(1).await?;
        stage.spend()?;
        wait::until("a message", LIMIT, || (!server.taken().is_empty()).then_some(()))?;
        meted.0.signal(Signal::TERM)?;
        let status = meted.0.wait(LIMIT)?;
        ensure!(status.success(), "{status} {}", meted.0.output());
        let sent: Vec<_> = stage.deliveries().await?.into_iter().filter(|it| it.sent_at.is_some()).collect();
        let first = server.taken().into_iter().next().context("nothing was taken")?;
        ensure!(sent.len() == 1 && sent[0].message_id == first.id(), "{sent:?}");
        assert_eq!(server.taken().len(), 1);
        Ok(())
    }
}
