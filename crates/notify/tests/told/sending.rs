//! What is to be told is told, whatever happens on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use mete_core::Clock;
use mete_core::time::{DAY, HOUR, MINUTE, SECOND};
use mete_notify::{Attempt, Post};
use mete_store::{DeliveryState, ListedDelivery, Store, StoreUrl};
use mete_tests::{TestStore, each_engine};

use crate::server::{Mood, Server};
use crate::world::{DANA, OLGA, World, at, mail, operator};

/// A world with an alert for Dana and Olga.
async fn alerted(place: &TestStore) -> Result<World> {
    let mut world = World::new(place).await?;
    world.limit(Some(1), None).await?;
    world.spend(1).await?;
    Ok(world)
}

async fn send_all(post: &mut Post) -> Result<Vec<Attempt>> {
    post.plan().await?;
    let mut attempts = Vec::new();
    while let Some(attempt) = post.send_next().await? {
        attempts.push(attempt);
    }
    Ok(attempts)
}

async fn of(world: &World, whom: &str) -> Result<ListedDelivery> {
    Ok(world.deliveries().await?.into_iter().find(|it| it.address == whom).unwrap())
}

each_engine! {
    async fn r27_each_owner_gets_a_message_that_says_it(place: &TestStore) -> Result<()> {
        let world = alerted(place).await?;
        let server = Server::start(&[]).await?;
        let mut post = world.post("a", mail(server.port));
        let sent = Attempt::Sent { channel: "email".into() };
        assert_eq!(send_all(&mut post).await?, [sent.clone(), sent]);
        let mut taken = server.taken();
        taken.sort_by(|a, b| a.to.cmp(&b.to));
        assert_eq!(taken.iter().map(|it| it.to.as_str()).collect::<Vec<_>>(), [DANA, OLGA]);
        let text = &taken[1].text;
        for part in [
            "From: Mete <mete@acme.test>",
            "To: olga@acme.test",
            "Subject: Budget exhausted: Bot (Acme), November 2026",
            "Date: Mon, 23 Nov 2026 10:15:00 +0000",
            "Auto-Submitted: auto-generated",
            "Content-Type: text/plain",
            "Content-Type: text/html",
            "The monthly budget of the project \"Bot\" is exhausted.",
            "until 00:00 UTC on 1 December 2026",
            "gpt-4o <b>",
            "gpt-4o &lt;b&gt;",
            &format!("mete limits set --project {} --budget USD", world.bot),
        ] {
            let unfolded = text.replace("=\r\n", "").replace("=3D", "=");
            assert!(unfolded.contains(part), "{part:?} is not in\n{text}");
        }
        let delivery = of(&world, OLGA).await?;
        assert_eq!(taken[1].message_id(), format!("<{}>", delivery.message_id));
        assert_eq!((delivery.state, delivery.tries), (DeliveryState::Sent, 1));
        assert_eq!((delivery.sent_at, delivery.receipt.as_deref()), (Some(world.clock.now()), Some("250 2.0.0 kept as 4711")));
        assert_eq!(send_all(&mut post).await?, []);
        Ok(())
    }

    async fn a_recipient_that_is_refused_is_tried_again_seldom_and_keeps_nobody_waiting(place: &TestStore) -> Result<()> {
        let world = alerted(place).await?;
        let server = Server::start(&[Mood::Refuses, Mood::Takes, Mood::Refuses]).await?;
        let mut post = world.post("a", mail(server.port));
        let attempts = send_all(&mut post).await?;
        assert!(matches!(&attempts[..], [Attempt::Failed { .. }, Attempt::Sent { .. }]), "{attempts:?}");
        let refused = world.deliveries().await?.into_iter().find(|it| it.state == DeliveryState::Waiting).unwrap();
        let error = refused.error.unwrap();
        assert!(error.contains("550") && error.contains("nobody of that name lives here"), "{error}");
        let pause = refused.due_at.since(world.clock.now());
        assert!((7 * MINUTE..=15 * MINUTE).contains(&pause), "{pause}");
        world.clock.advance(pause - 1);
        assert_eq!(send_all(&mut post).await?, []);
        world.clock.advance(1);
        assert!(matches!(&send_all(&mut post).await?[..], [Attempt::Failed { .. }]));
        let again = of(&world, &refused.address).await?;
        assert!(again.tries == 2 && again.due_at.since(world.clock.now()) >= 15 * MINUTE, "{again:?}");
        world.clock.set(again.due_at);
        assert!(matches!(&send_all(&mut post).await?[..], [Attempt::Sent { .. }]));
        assert_eq!(server.taken().len(), 2);
        Ok(())
    }

    async fn a_server_that_dies_in_the_middle_or_puts_off_gets_the_same_message_again(place: &TestStore) -> Result<()> {
        let world = alerted(place).await?;
        let server = Server::start(&[Mood::Dies, Mood::PutsOff, Mood::Forgets]).await?;
        let mut post = world.post("a", mail(server.port));
        let mut rounds = 0;
        while world.deliveries().await?.iter().any(|it| it.state != DeliveryState::Sent) || rounds == 0 {
            send_all(&mut post).await?;
            world.clock.advance(MINUTE);
            rounds += 1;
            assert!(rounds < 20, "{:?}", world.deliveries().await?);
        }
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for taken in server.taken() {
            *times.entry(taken.message_id().to_owned()).or_default() += 1;
        }
        let mut ids: Vec<_> = world.deliveries().await?.iter().map(|it| format!("<{}>", it.message_id)).collect();
        ids.sort();
        assert_eq!(times.keys().cloned().collect::<Vec<_>>(), ids);
        // Twice only what the server had taken without saying so.
        assert_eq!(times.values().sum::<usize>(), 3, "{times:?}");
        Ok(())
    }

    async fn nothing_is_sent_to_a_server_that_is_away_until_it_is_time_to_look(place: &TestStore) -> Result<()> {
        let world = alerted(place).await?;
        let server = Server::start(&[]).await?;
        let port = server.port;
        drop(server);
        let mut post = world.post("a", mail(port));
        // One look, not one for each message.
        assert!(matches!(&send_all(&mut post).await?[..], [Attempt::Failed { .. }]));
        assert_eq!(send_all(&mut post).await?, []);
        let tries: u32 = world.deliveries().await?.iter().map(|it| it.tries).sum();
        assert_eq!(tries, 1);
        for _ in 0..10 {
            world.clock.advance(5 * MINUTE);
            assert_eq!(send_all(&mut post).await?.len(), 1);
        }
        // A restart forgets no pause of a message: only one of them is due.
        let tried: Vec<_> = world.deliveries().await?.iter().map(|it| (it.tries, it.due_at > world.clock.now())).collect();
        assert!(tried.iter().all(|(tries, _)| *tries > 4) && tried.iter().any(|(_, is_put_off)| *is_put_off), "{tried:?}");
        let due = tried.iter().filter(|(_, is_put_off)| !is_put_off).count();
        let server = Server::start_at(port, &[]).await?;
        let mut post = world.post("b", mail(port));
        assert_eq!(send_all(&mut post).await?.len(), due);
        world.clock.advance(HOUR);
        assert_eq!(send_all(&mut post).await?.len(), 2 - due);
        assert_eq!(server.taken().len(), 2);
        Ok(())
    }

    async fn r27_a_message_is_given_up_a_week_after_the_months_end_and_not_before(place: &TestStore) -> Result<()> {
        let world = alerted(place).await?;
        let server = Server::start(&[Mood::Refuses; 1000]).await?;
        let mut post = world.post("a", mail(server.port));
        while world.clock.now() < at("2026-12-07T23:00:00Z") {
            send_all(&mut post).await?;
            assert!(world.deliveries().await?.iter().all(|it| it.state == DeliveryState::Waiting));
            world.clock.advance(12 * HOUR);
        }
        world.clock.set(at("2026-12-08T00:00:00Z").plus(DAY - 1));
        let attempts = send_all(&mut post).await?;
        assert!(matches!(&attempts[..], [Attempt::Ended { .. }, Attempt::Ended { .. }]), "{attempts:?}");
        let given_up = of(&world, DANA).await?;
        assert_eq!((given_up.state, given_up.given_up_at), (DeliveryState::GivenUp, Some(world.clock.now())));
        assert!(given_up.error.unwrap().contains("550"));
        Ok(())
    }

    async fn what_waits_for_a_channel_that_is_gone_is_counted_apart_and_given_up_at_last(place: &TestStore) -> Result<()> {
        let world = alerted(place).await?;
        world.post("a", mail(1)).plan().await?;
        let mut post = world.post("b", mete_notify::Channels::default());
        world.clock.set(at("2026-12-08T23:59:59Z"));
        assert_eq!(send_all(&mut post).await?, []);
        let counts = async |channels: &[String]| world.store.delivery_counts(channels).await;
        let (there, gone) = (counts(&["email".to_owned()]).await?, counts(&[]).await?);
        assert_eq!((there.waiting, there.no_channel, there.oldest_waiting), (2, 0, Some(at(crate::world::NOW))));
        assert_eq!((gone.waiting, gone.no_channel, gone.oldest_waiting), (0, 2, None));
        world.clock.advance(SECOND);
        send_all(&mut post).await?;
        assert!(world.deliveries().await?.iter().all(|it| it.state == DeliveryState::GivenUp && it.error.is_some()));
        Ok(())
    }

    async fn r6_who_owns_it_no_more_is_not_told(place: &TestStore) -> Result<()> {
        let mut world = alerted(place).await?;
        let server = Server::start(&[]).await?;
        let mut post = world.post("a", mail(server.port));
        post.plan().await?;
        let bot = world.bot.clone();
        world.control().remove_project_member(&operator(), &bot, OLGA).await?;
        send_all(&mut post).await?;
        assert_eq!(server.taken().iter().map(|it| it.to.clone()).collect::<Vec<_>>(), [DANA]);
        assert_eq!(of(&world, OLGA).await?.state, DeliveryState::Undeliverable);
        Ok(())
    }

    async fn r27_what_somebody_died_over_is_sent_again_when_their_claim_is_over(place: &TestStore) -> Result<()> {
        let world = alerted(place).await?;
        let server = Server::start(&[]).await?;
        let mut post = world.post("a", mail(server.port));
        post.plan().await?;
        let (now, email) = (world.clock.now(), ["email".to_owned()]);
        let claimed = world.store.claim_delivery(&email, ("dead", now.plus(10 * SECOND)), now).await?.unwrap();
        assert_eq!(send_all(&mut post).await?.len(), 1);
        assert_ne!(server.taken()[0].message_id(), format!("<{}>", claimed.message_id));
        world.clock.advance(10 * SECOND - 1);
        assert_eq!(send_all(&mut post).await?, []);
        world.clock.advance(1);
        assert_eq!(send_all(&mut post).await?.len(), 1);
        assert_eq!(server.taken()[1].message_id(), format!("<{}>", claimed.message_id));
        // Who seemed dead marks late: what is sent stays so, and a failure of theirs changes nothing.
        world.store.mark_delivery_failed((&claimed.id, "dead"), "late", now.plus(HOUR)).await?;
        world.store.mark_delivery_sent(&claimed.id, "late", world.clock.now()).await?;
        let delivery = world.deliveries().await?.into_iter().find(|it| it.id == claimed.id).unwrap();
        assert_eq!((delivery.state, delivery.tries), (DeliveryState::Sent, 2));
        assert_eq!(delivery.receipt.as_deref(), Some("250 2.0.0 kept as 4711"));
        Ok(())
    }

    async fn r27_two_daemons_at_once_tell_each_owner_once(place: &TestStore) -> Result<()> {
        let mut world = World::new(place).await?;
        let server = Server::start(&[]).await?;
        for number in 0..10 {
            world.limit(None, Some(number + 1)).await?;
            world.spend(1).await?;
        }
        let url: StoreUrl = place.url().parse()?;
        let work = async |name: &'static str| {
            let store = Store::open(&url).await?;
            let clock: Arc<dyn Clock> = Arc::clone(&world.clock) as Arc<dyn Clock>;
            let random = Box::new(<rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(1));
            let mut post = Post::new(store.clone(), (clock, random), name.to_owned(), Arc::new(mail(server.port)));
            let attempts = send_all(&mut post).await?;
            store.close().await;
            anyhow::Ok(attempts.len())
        };
        let (a, b, c) = tokio::join!(work("a"), work("b"), work("c"));
        assert_eq!(a? + b? + c?, 20);
        let mut ids: Vec<String> = server.taken().iter().map(|it| it.message_id().to_owned()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!((ids.len(), server.taken().len()), (20, 20));
        assert!(world.deliveries().await?.iter().all(|it| it.state == DeliveryState::Sent && it.tries == 1));
        Ok(())
    }
}
