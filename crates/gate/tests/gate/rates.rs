//! Rate limits per model (R23) as decisions keep them (R37).

use std::collections::VecDeque;

use mete_core::decision::{Limited, Refusal, Standing};
use mete_core::limits::Limits;
use mete_core::rates::{Rate, RateLimit, Rates};
use mete_core::time::{DAY, MINUTE, SECOND};
use mete_core::{Nanos, Timestamp};
use mete_gate::{Amounts, Credential, Denied, Gate, Request, Used, Wanted};
use mete_store::{GateSnapshot, HourUsage};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::support::{CHAT, at, budget, ids, organization, project, refusal, snapshot, spend, upload};

fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

/// The limits of gpt-4o in a scope.
fn limit(scope: &str, rates: &[(Rate, u64)]) -> (String, RateLimit) {
    let mut limit = RateLimit { model: "gpt-4o".into(), rates: Rates::default() };
    for (rate, value) in rates {
        limit.rates.set(*rate, Some(*value));
    }
    (scope.to_owned(), limit)
}

/// The projects Bot and Web of Lab, below Acme.
fn directory(rate_limits: Vec<(String, RateLimit)>) -> GateSnapshot {
    let organizations =
        vec![organization("Acme", None, Limits::default()), organization("Lab", Some("Acme"), Limits::default())];
    let projects = vec![project("Bot", "Lab", Limits::default()), project("Web", "Lab", Limits::default())];
    GateSnapshot { rate_limits, ..snapshot(1, organizations, projects) }
}

fn gate(rate_limits: Vec<(String, RateLimit)>) -> Gate {
    Gate::new(directory(rate_limits)).with_terms(mete_gate::Terms::new(ids()))
}

fn limited(gate: &Gate, name: &str, now: Timestamp) -> Option<Limited> {
    match refusal(gate, name, now)? {
        Refusal::RateLimit(limited) => Some(*limited),
        other => panic!("{other:?}"),
    }
}

/// Asks about a request of so many tokens that is known by an id.
fn ask(gate: &Gate, tokens: u64, request_id: Option<&str>, now: Timestamp) -> Result<(), Refusal> {
    let wanted =
        Wanted { amounts: Amounts { tokens: Some(tokens), ..Amounts::default() }, request_id, ..Wanted::default() };
    match gate.look(now, Credential::Secret(Some("sk-Bot")), &CHAT, &wanted).outcome {
        Ok(_) => Ok(()),
        Err(Denied::Refused(refusal)) => Err(refusal),
        Err(denied) => panic!("{denied:?}"),
    }
}

/// The usage of a request of Bot.
fn used(id: &str, tokens: u64, time: Timestamp) -> Used<'_> {
    let event = ids().event("org-Lab", id);
    Used { event, time, project: "proj_Bot", model: "gpt-4o", hold: None, tokens, images: 0 }
}

#[test]
fn r23_requests_in_a_minute_are_as_many_as_the_limit_and_then_come_evenly() {
    let gate = gate(vec![limit("proj_Bot", &[(Rate::RequestsPerMinute, 3)])]);
    for _ in 0..3 {
        assert_eq!(refusal(&gate, "Bot", now()), None);
    }
    let refused = limited(&gate, "Bot", now()).unwrap();
    assert_eq!(
        (refused.kind, &*refused.scope, &*refused.model, refused.rate),
        ("project", "Bot", "gpt-4o", Rate::RequestsPerMinute)
    );
    assert_eq!((refused.limit, refused.used, refused.requested, refused.retry_after), (3, 3, 1, Some(20 * SECOND)));
    assert_eq!(refused.standings.requests, Some(Standing { limit: 3, remaining: 0, reset: MINUTE }));
    let refusal_ = Refusal::RateLimit(Box::new(refused));
    assert_eq!((refusal_.status(), refusal_.kind(), refusal_.code()), (429, "requests", Some("rate_limit_exceeded")));
    assert!(!refusal_.forbids_retry());
    let message = refusal_.message();
    assert!(message.contains("project 'Bot' for gpt-4o") && message.contains("Try again in 20s."), "{message}");

    assert!(limited(&gate, "Bot", now().plus(20 * SECOND - 1)).is_some(), "a refused one is not charged");
    assert_eq!(refusal(&gate, "Bot", now().plus(20 * SECOND)), None);
    assert_eq!(refusal(&gate, "Web", now()), None, "another project");
    let other = Request { model: Some("gpt-4o-mini"), ..CHAT };
    assert_eq!(crate::support::refusal_of(&gate, "Bot", now(), &other), None, "another model");
    assert_eq!(crate::support::refusal_of(&gate, "Bot", now(), &upload(1)), None, "no model");
}

#[test]
fn r23_every_scope_above_counts_and_none_is_charged_where_one_refuses() {
    let gate = gate(vec![
        limit("proj_Bot", &[(Rate::RequestsPerMinute, 5)]),
        limit("org-Lab", &[(Rate::RequestsPerDay, 3)]),
        limit("org-Acme", &[(Rate::RequestsPerMinute, 4)]),
    ]);
    assert_eq!(refusal(&gate, "Bot", now()), None);
    assert_eq!(refusal(&gate, "Web", now()), None);
    assert_eq!(refusal(&gate, "Bot", now()), None);
    let refused = limited(&gate, "Web", now()).unwrap();
    assert_eq!((&*refused.scope, refused.rate, refused.retry_after), ("Lab", Rate::RequestsPerDay, Some(DAY / 3)));
    for _ in 0..10 {
        assert_eq!(limited(&gate, "Bot", now()).unwrap().scope, "Lab");
    }
    // Without Lab's limit there is room for what the ten that were refused would have used.
    gate.replace_directory(GateSnapshot {
        change_seq: 2,
        ..directory(vec![
            limit("proj_Bot", &[(Rate::RequestsPerMinute, 5)]),
            limit("org-Acme", &[(Rate::RequestsPerMinute, 4)]),
        ])
    });
    assert_eq!(refusal(&gate, "Bot", now()), None);
    assert_eq!(limited(&gate, "Bot", now()).unwrap().scope, "Acme");
}

#[test]
fn r37_a_rate_limit_comes_last_and_what_is_refused_before_it_uses_nothing() {
    let mut given = directory(vec![limit("proj_Bot", &[(Rate::RequestsPerMinute, 1)])]);
    given.projects[0].limits = budget(10);
    let gate = Gate::new(given);
    spend(&gate, "Bot", "2026-11", Nanos::from_dollars(10));
    for _ in 0..3 {
        assert_eq!(crate::support::code(&gate, "Bot", now()), "project_spend_limit_exceeded");
    }
    spend(&gate, "Bot", "2026-11", Nanos::from_dollars(9));
    assert_eq!(refusal(&gate, "Bot", now()), None);
    assert!(limited(&gate, "Bot", now()).is_some());
}

#[test]
fn r23_tokens_that_are_told_are_charged_at_once_and_corrected_by_their_usage() {
    let gate = gate(vec![limit("proj_Bot", &[(Rate::TokensPerMinute, 1_000)])]);
    assert_eq!(ask(&gate, 600, Some("r1"), now()), Ok(()));
    let Err(Refusal::RateLimit(refused)) = ask(&gate, 500, Some("r2"), now()) else { panic!("there was no room") };
    assert_eq!((refused.used, refused.requested, refused.retry_after), (600, 500, Some(6 * SECOND)));
    let Err(Refusal::RateLimit(larger)) = ask(&gate, 1_001, Some("r2"), now()) else {
        panic!("it is larger than the limit")
    };
    assert_eq!(larger.retry_after, None);
    assert_eq!(Refusal::RateLimit(larger).kind(), "tokens");
    // It used less than it might have; a second copy is not told of, but another request's usage is.
    gate.count_usage(now(), [used("r1", 100, now())].into_iter());
    assert_eq!(ask(&gate, 900, Some("r3"), now()), Ok(()));
    gate.count_usage(now(), [used("r3", 1_500, now()), used("unasked", 100, now())].into_iter());
    let refused = limited(&gate, "Bot", now()).unwrap();
    assert_eq!((refused.used, refused.requested), (1_700, 0), "what came is counted, also beyond the limit");
}

#[test]
fn r23_tokens_that_nobody_told_are_charged_when_they_come_unless_that_is_late() {
    let gate = gate(vec![limit("org-Acme", &[(Rate::TokensPerMinute, 1_000)])]);
    assert_eq!(ask(&gate, 900, None, now()), Ok(()), "without an id it is only looked at");
    assert_eq!(ask(&gate, 900, None, now()), Ok(()));
    gate.count_usage(now(), [used("late", 5_000, now().plus(-MINUTE))].into_iter());
    assert_eq!(refusal(&gate, "Bot", now()), None);
    gate.count_usage(now(), [used("a", 1_000, now())].into_iter());
    assert_eq!(limited(&gate, "Web", now()).unwrap().scope, "Acme");
    assert_eq!(refusal(&gate, "Web", now().plus(MINUTE)), None);
}

#[test]
fn r23_tokens_of_a_day_are_counted_beside_those_of_a_minute() {
    let gate = gate(vec![limit("proj_Bot", &[(Rate::TokensPerMinute, 1_000), (Rate::TokensPerDay, 2_400)])]);
    let told = |tokens, id, now| match ask(&gate, tokens, Some(id), now) {
        Ok(()) => None,
        Err(Refusal::RateLimit(limited)) => Some((limited.rate, limited.used, limited.standings.tokens)),
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!((told(1_000, "r1", now()), told(1_000, "r2", now().plus(MINUTE))), (None, None));
    // What is told is of the limit that leaves least, whichever refuses: now the day's, which drains 5 in 3 minutes.
    let later = now().plus(3 * MINUTE);
    let day = |used: u64| Standing {
        limit: 2_400,
        remaining: 2_400 - used,
        reset: i64::try_from(used).unwrap() * 36 * SECOND,
    };
    assert_eq!(told(500, "r3", later), Some((Rate::TokensPerDay, 1_995, Some(day(1_995)))));
    assert_eq!(told(405, "r3", later), None);
    let refused = limited(&gate, "Bot", later).unwrap();
    assert_eq!((refused.rate, refused.requested, refused.retry_after), (Rate::TokensPerDay, 0, Some(36 * SECOND)));
    let refused = Refusal::RateLimit(Box::new(refused));
    assert_eq!(refused.kind(), "tokens");
    assert!(refused.message().contains("2400 tokens per day, 2400 are used"), "{}", refused.message());
    // Usage of an hour ago corrects the day, and none of yesterday does.
    gate.count_usage(
        later,
        [used("r3", 5, later.plus(-60 * MINUTE)), used("old", 5_000, later.plus(-DAY))].into_iter(),
    );
    assert_eq!(told(400, "r4", later), None);
}

/// What drained long ago makes no room for others, even where nobody has asked meanwhile.
#[test]
fn what_was_told_too_long_ago_is_not_given_back() {
    let life = 10 * MINUTE;
    let told = || {
        let gate = gate(vec![limit("proj_Bot", &[(Rate::TokensPerMinute, 1_000)])]);
        assert_eq!(ask(&gate, 600, Some("r1"), now()), Ok(()));
        gate
    };
    let used_after = |gate: &Gate, wait: i64| {
        let time = now().plus(wait);
        gate.count_usage(time, [used("r1", 1_000, time)].into_iter());
        limited(gate, "Bot", time).map(|limited| limited.used)
    };
    assert_eq!(used_after(&told(), life - 1), None, "400 more than was told");
    assert_eq!(used_after(&told(), life), Some(1_000));
    // Asked about again after its usage came, it is known for its own time.
    let gate = told();
    gate.count_usage(now(), [used("r1", 600, now())].into_iter());
    assert_eq!(ask(&gate, 600, Some("r1"), now().plus(5 * MINUTE)), Ok(()));
    assert_eq!(ask(&gate, 1, Some("r2"), now().plus(life)), Ok(()), "the first of the two is over");
    assert_eq!(used_after(&gate, life + 1), None, "the second is not");
}

#[test]
fn r23_images_audio_and_batches_have_limits_of_their_own() {
    let limits = [(Rate::ImagesPerMinute, 2), (Rate::AudioMegabytesPerMinute, 10), (Rate::BatchInputTokensPerDay, 100)];
    let gate = gate(vec![limit("proj_Bot", &limits)]);
    let ask = |amounts: Amounts, id: &str| {
        let wanted = Wanted { amounts, request_id: Some(id), ..Wanted::default() };
        match gate.look(now(), Credential::Secret(Some("sk-Bot")), &CHAT, &wanted).outcome {
            Ok(_) => None,
            Err(Denied::Refused(Refusal::RateLimit(limited))) => Some(limited.rate),
            Err(other) => panic!("{other:?}"),
        }
    };
    let images = Amounts { tokens: Some(0), images: 2, ..Amounts::default() };
    assert_eq!((ask(images, "1"), ask(images, "2")), (None, Some(Rate::ImagesPerMinute)));
    let audio = Amounts { audio_megabytes: 6, ..Amounts::default() };
    assert_eq!((ask(audio, "3"), ask(audio, "4")), (None, Some(Rate::AudioMegabytesPerMinute)));
    let batch = Amounts { batch_tokens: 60, ..Amounts::default() };
    assert_eq!((ask(batch, "5"), ask(batch, "6")), (None, Some(Rate::BatchInputTokensPerDay)));
    assert_eq!(ask(Amounts::default(), "7"), None);
}

#[test]
fn what_a_released_hold_was_charged_is_given_back() {
    let mut given = directory(vec![limit("proj_Bot", &[(Rate::TokensPerMinute, 1_000)])]);
    given.projects[0].limits = budget(10);
    let (gate, mut random) = (Gate::new(given), StdRng::seed_from_u64(1));
    let amounts = Amounts { tokens: Some(800), ..Amounts::default() };
    let wanted = Wanted { price: Some(Nanos(5)), amounts, ..Wanted::default() };
    let mut take = || gate.authorize(now(), Credential::Secret(Some("sk-Bot")), &CHAT, &wanted, &mut random).outcome;
    let hold = take().unwrap().unwrap();
    let Err(Denied::Refused(Refusal::RateLimit(refused))) = take() else { panic!("there was no room") };
    assert_eq!(refused.used, 800);
    assert_eq!(gate.held().0, 1, "nothing is held for what is refused");
    assert!(gate.release(now(), &hold.id));
    let hold = take().unwrap().unwrap();
    let named = Used { hold: Some(&hold.id), ..used("x", 200, now()) };
    gate.count_usage(now(), [named].into_iter());
    take().unwrap();
}

/// A gate whose project Bot has a budget, so that money is held, and limits of tokens.
fn holding() -> Gate {
    let mut given = directory(vec![limit("proj_Bot", &[(Rate::TokensPerMinute, 1_000), (Rate::TokensPerDay, 10_000)])]);
    given.projects[0].limits = budget(10);
    Gate::new(given).with_terms(mete_gate::Terms::new(ids()))
}

/// Has so many tokens held for a request: the hold's id.
fn hold(gate: &Gate, tokens: u64, request_id: Option<&str>, now: Timestamp) -> String {
    let amounts = Amounts { tokens: Some(tokens), ..Amounts::default() };
    let wanted = Wanted { price: Some(Nanos(5)), amounts, request_id };
    let mut random = StdRng::seed_from_u64(now.0.cast_unsigned());
    let admission = gate.authorize(now, Credential::Secret(Some("sk-Bot")), &CHAT, &wanted, &mut random);
    admission.outcome.unwrap().unwrap().id
}

/// What is used of the project's tokens by the minute and by the day.
fn tokens_used(gate: &Gate, now: Timestamp) -> [u64; 2] {
    let explained = serde_json::to_value(gate.explain_id(now, "key_Bot", &CHAT)).unwrap();
    let rule = explained["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "rate_limits").unwrap();
    [0, 1].map(|place| rule["limits"][place]["used"].as_u64().unwrap())
}

/// Its usage is waited for as long as the hold lives, and corrects what was told, however long that took.
#[test]
fn r23_what_was_told_for_a_hold_that_is_extended_is_corrected_by_late_usage() {
    for request_id in [None, Some("r1")] {
        let gate = holding();
        let id = hold(&gate, 800, request_id, now());
        let extended = now().plus(9 * MINUTE);
        assert!(gate.extend(extended, &id).unwrap().is_some());
        let end = now().plus(18 * MINUTE);
        let usage = Used { hold: Some(&id), ..used("r1", 900, end) };
        assert_eq!(tokens_used(&gate, end), [0, 800 - 125], "the day drains 125 in 18 minutes");
        gate.count_usage(end, [usage].into_iter());
        assert_eq!(tokens_used(&gate, end), [100, 900 - 125], "{request_id:?}");
    }
}

#[test]
fn r23_what_was_told_and_never_used_does_not_count_for_the_day_and_usage_that_comes_later_does() {
    let gate = holding();
    let id = hold(&gate, 800, Some("r1"), now());
    let over = now().plus(10 * MINUTE);
    assert_eq!(tokens_used(&gate, over.plus(-1)), [0, 800 - 69]);
    assert_eq!(tokens_used(&gate, over), [0, 0]);
    assert!(!gate.release(over, &id));
    gate.count_usage(over, [used("r1", 300, over)].into_iter());
    assert_eq!(tokens_used(&gate, over), [300, 300]);
}

#[test]
fn what_was_told_of_a_released_request_is_given_back_when_no_other_hold_is_for_it() {
    let gate = holding();
    let [first, second] = [now(), now().plus(1)].map(|time| hold(&gate, 400, Some("r1"), time));
    let later = now().plus(1);
    assert!(gate.release(later, &first));
    assert_eq!(tokens_used(&gate, later), [400, 400], "it goes on with the second");
    assert!(gate.release(later, &second));
    assert_eq!(tokens_used(&gate, later), [0, 0]);
}

/// Usage of one project does not tell that of another's request, whatever it names.
#[test]
fn what_was_told_of_a_request_is_not_forgotten_for_usage_of_another_project() {
    let gate = holding();
    let id = hold(&gate, 800, None, now());
    gate.count_usage(now(), [Used { project: "proj_Web", hold: Some(&id), ..used("x", 1, now()) }].into_iter());
    gate.count_usage(now(), [Used { hold: Some(&id), ..used("y", 200, now()) }].into_iter());
    assert_eq!(tokens_used(&gate, now()), [200, 200]);
}

#[test]
fn r38_an_explanation_has_each_limit_and_charges_nothing() {
    let gate =
        gate(vec![limit("proj_Bot", &[(Rate::RequestsPerMinute, 2)]), limit("org-Lab", &[(Rate::RequestsPerDay, 9)])]);
    assert_eq!(refusal(&gate, "Bot", now()), None);
    for _ in 0..5 {
        let explained = serde_json::to_value(gate.explain_id(now(), "key_Bot", &CHAT)).unwrap();
        let rule = explained["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "rate_limits").unwrap();
        assert_eq!((&rule["verdict"], &rule["model"]), (&"ok".into(), &"gpt-4o".into()));
        assert_eq!((&rule["limits"][0]["used"], &rule["limits"][0]["limit"]), (&1.into(), &2.into()));
        assert_eq!(rule["limits"][0]["free_at"], "2026-11-23T12:00:30Z");
        assert_eq!(
            (&rule["limits"][1]["id"], &rule["limits"][1]["rate"]),
            (&"org-Lab".into(), &"requests_per_day".into())
        );
    }
    assert_eq!(refusal(&gate, "Bot", now()), None);
    assert_eq!(gate.explain_id(now(), "key_Bot", &CHAT).refusal().and_then(Refusal::code), Some("rate_limit_exceeded"));
}

fn hour(project: &str, model: &str, end: Timestamp, requests: u64, tokens: u64) -> HourUsage {
    HourUsage { project_id: format!("proj_{project}"), model: model.into(), end, requests, tokens }
}

#[test]
fn r23_limits_by_the_day_begin_with_what_the_ledger_has_and_those_by_the_minute_with_nothing() {
    let of_bot = [(Rate::RequestsPerMinute, 4), (Rate::RequestsPerDay, 24), (Rate::TokensPerDay, 2_400)];
    let gate = gate(vec![
        limit("proj_Bot", &of_bot),
        limit("org-Lab", &[(Rate::TokensPerMinute, 10)]),
        limit("org-Acme", &[(Rate::RequestsPerDay, 30)]),
    ]);
    let hours = [
        hour("Bot", "gpt-4o", now().plus(-26 * 60 * MINUTE), 12, 1_700),
        hour("Bot", "gpt-4o", now().plus(-6 * 60 * MINUTE), 12, 1_200),
        hour("Gone", "gpt-4o", now().plus(-6 * 60 * MINUTE), 90, 90),
        hour("Web", "gpt-4o", now(), 15, 100),
        hour("Bot", "o3", now(), 90, 9_000),
        // The hour is not over.
        hour("Bot", "gpt-4o", now().plus(30 * MINUTE), 3, 50),
    ];
    gate.rebuild_usage(&hours, now());
    let explained = serde_json::to_value(gate.explain_id(now(), "key_Bot", &CHAT)).unwrap();
    let rule = explained["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "rate_limits").unwrap();
    let used: Vec<_> = rule["limits"].as_array().unwrap().iter().map(|limit| limit["used"].as_u64().unwrap()).collect();
    // 12 requests and 1200 tokens, less what six hours drained, and those of now; of Acme's 30, 18 of now and 12 less 7.5.
    assert_eq!(used, [0, 6 + 3, 600 + 50, 0, 18 + 5]);
}

/// Nobody counted those when they were let through; those of this life are.
#[test]
fn r23_requests_of_before_count_when_their_usage_comes() {
    let gate = gate(vec![limit("proj_Bot", &[(Rate::RequestsPerDay, 10)])]);
    let before = used("a", 5, now().plus(-SECOND));
    gate.count_usage(now(), [before].into_iter());
    gate.rebuild_usage(&[], now());
    let left = |now| limited(&gate, "Bot", now).is_none();
    gate.count_usage(now(), (0..9).map(|_| before));
    gate.count_usage(now(), [used("b", 5, now()), used("c", 5, now().plus(-DAY))].into_iter());
    assert!(left(now()), "the tenth");
    assert!(!left(now()));
}

/// However many threads ask at once, as many pass as the limit has.
#[test]
fn threads_together_never_pass_more_than_the_limit() {
    let gate = gate(vec![limit("org-Acme", &[(Rate::RequestsPerDay, 1_000)])]);
    let passed: usize = std::thread::scope(|scope| {
        let ask = || (0..500).filter(|_| refusal(&gate, "Bot", now()).is_none()).count();
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).sum()
    });
    assert_eq!(passed, 1_000);
}

proptest! {
    /// In any stretch of time no more passes than the limit and what drains in it; and whoever waits as long as was said
    /// passes.
    #[test]
    fn r23_no_stretch_of_time_has_more_than_the_limit_and_what_drained(
        per_minute in 1_u64..20,
        steps in prop::collection::vec((0_i64..20_000_000, 1_u64..8), 1..200),
    ) {
        let gate = gate(vec![limit("proj_Bot", &[(Rate::TokensPerMinute, per_minute)])]);
        let (mut time, mut passed) = (now(), VecDeque::<(Timestamp, u64)>::new());
        for (number, (step, tokens)) in steps.into_iter().enumerate() {
            time = time.plus(step);
            match ask(&gate, tokens, Some(&number.to_string()), time) {
                Ok(()) => passed.push_back((time, tokens)),
                Err(Refusal::RateLimit(limited)) => match limited.retry_after {
                    None => prop_assert!(tokens > per_minute),
                    Some(wait) => {
                        prop_assert!(wait > 0 && tokens <= per_minute);
                        time = time.plus(wait);
                        prop_assert_eq!(ask(&gate, tokens, Some(&format!("again {number}")), time), Ok(()));
                        passed.push_back((time, tokens));
                    }
                },
                Err(other) => panic!("{other:?}"),
            }
        }
        for (first, (begin, _)) in passed.iter().enumerate() {
            let mut sum = 0;
            for (end, tokens) in passed.iter().skip(first) {
                sum += u128::from(*tokens);
                let stretch = u128::try_from(end.since(*begin)).unwrap();
                let drained = stretch * u128::from(per_minute) / u128::try_from(MINUTE).unwrap() + 1;
                prop_assert!(sum <= u128::from(per_minute) + drained, "{sum} in {stretch} µs");
            }
        }
    }
}
