//! Acting as a person does it: keys in, a real store changed, screens out.

use insta::assert_snapshot;
use mete_store::{Setting as Stored, Versions};
use mete_tests::{TestStore, each_engine};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use super::driver::{parse, text};
use crate::copy::Clip;
use crate::data::{DataSource, Seen};
use crate::deeds::tests::Bench;
use crate::model::{Model, Setting};
use crate::msg::{Effect, Msg};
use crate::samples::now;
use crate::theme::Theme;
use crate::update::update;
use crate::view::view;

/// The interface over a real store, without a terminal.
struct Session {
    bench: Bench,
    model: Model,
    pending: Vec<Effect>,
    copied: Vec<Clip>,
    /// Deeds that were set going.
    deeds: usize,
    left: bool,
}

impl Session {
    async fn open(place: &TestStore, (width, height): (u16, u16), acts: bool) -> anyhow::Result<Self> {
        Ok(Self::over(Bench::open(place).await?, (width, height), acts).await)
    }

    async fn over(bench: Bench, (width, height): (u16, u16), acts: bool) -> Self {
        let theme = Theme::new(true, None);
        let setting = Setting {
            theme,
            store: "sqlite mete.db".to_owned(),
            actor: "operator".to_owned(),
            acts,
            config: crate::Config { start: Some("organizations".to_owned()), ..crate::Config::default() },
            ..Setting::default()
        };
        let (model, pending) = Model::start(setting, Size { width, height }, now());
        let mut session = Self { bench, model, pending, copied: Vec::new(), deeds: 0, left: false };
        session.send(Msg::Versions(Ok(Versions { change_seq: 1, ledger_version: 1 })));
        session.settle().await;
        session
    }

    fn send(&mut self, msg: Msg) {
        let effects = update(&mut self.model, msg, now());
        self.left |= effects.contains(&Effect::Quit);
        self.pending.extend(effects);
    }

    /// Does all that is to be done outside, one after the other.
    async fn settle(&mut self) {
        while !self.pending.is_empty() {
            let doer = self.bench.doer.clone();
            match self.pending.remove(0) {
                Effect::Ask { view, generation, queries } => {
                    let clock = std::sync::Arc::clone(&doer.clock);
                    let seen = Seen { store: doer.store.clone(), actor: doer.actor.clone(), clock, explaining: None };
                    let mut answers = Vec::new();
                    for query in queries {
                        answers.push(seen.ask(query).await);
                    }
                    self.send(Msg::Answers { view, generation, result: answers.into_iter().collect() });
                }
                Effect::Look => self.send(Msg::Sight(doer.sight().await)),
                Effect::Prepare { layer, wish } => {
                    let result = doer.sheet(*wish).await;
                    self.send(Msg::Prepared { layer, result });
                }
                Effect::Do { layer, deed } => {
                    self.deeds += 1;
                    let result = doer.carry_out(deed).await;
                    self.send(Msg::Done { layer, result });
                }
                Effect::Copy(clip) => self.copied.push(clip),
                _ => {}
            }
        }
    }

    async fn press(&mut self, keys: &str) -> &mut Self {
        for key in parse(keys) {
            self.send(Msg::Key(key));
            self.settle().await;
        }
        self
    }

    fn screen(&self) -> String {
        let Size { width, height } = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view(&self.model, frame)).unwrap();
        text(terminal.backend().buffer())
    }

    #[track_caller]
    fn sees(&self, words: &str) {
        assert!(self.screen().contains(words), "{words:?} is not to be seen in\n{}", self.screen());
    }
}

each_engine! {
    async fn r21_archiving_takes_its_name_and_is_told(place: &TestStore) -> anyhow::Result<()> {
        let mut session = Session::open(place, (100, 30), true).await?;
        session.press("<enter>/support<enter>x").await.sees("Archive Support");
        session.sees("▲ Stops 1 key at once. Never used yet. Spent this month: $0.");
        session.press("<enter><enter><enter>yy<enter>").await;
        assert_eq!(session.deeds, 0, "nothing but the name archives it");
        session.press("<esc>x").await;
        session.press("Support<enter><enter>").await.sees("✓ the project \"Support\" is archived");
        session.press("<esc>v").await.sees("▸ Support");
        Ok(())
    }

    async fn what_control_refuses_is_said_in_the_form_and_nothing_typed_is_lost(place: &TestStore) -> anyhow::Result<()> {
        let mut session = Session::open(place, (100, 30), true).await?;
        session.press("<enter>n").await;
        session.press("Search<tab>What it is for<enter>").await.sees("▲");
        session.sees("What it is for");
        session.sees("New project in Acme");
        session.press("<tab><tab><tab> 2<enter>").await.sees("✓ the project \"Search 2\" is made");
        session.sees("Search 2");
        Ok(())
    }

    async fn r23_a_budget_is_set_and_seen_at_once(place: &TestStore) -> anyhow::Result<()> {
        let mut session = Session::open(place, (100, 30), true).await?;
        session.press("$<backspace><backspace><backspace><backspace>300<enter>").await;
        session.sees("✓ the budget is $300.00, the threshold none");
        session.sees("$300.00");
        session.press("<enter>/support<enter>$").await.sees("Its organization's budget: $300.00.");
        session.press("<backspace><backspace><backspace><backspace>301").await.sees("▲ a project's budget cannot be above");
        Ok(())
    }

    async fn r41_u_releases_and_lifts_what_holds(place: &TestStore) -> anyhow::Result<()> {
        let mut session = Session::open(place, (100, 30), true).await?;
        session.press("<enter>/support<enter>b").await.sees("Block Support");
        session.press("<tab>abuse<enter><enter>").await;
        assert_eq!(session.deeds, 0, "enter alone blocks nothing");
        session.press("y").await.sees("■ blocked");
        session.press("u").await.sees("‹ block of the project Support ›");
        session.press("<tab>y").await.sees("the block on the project is lifted");
        session.press("u").await.sees("Release Support");
        session.press("<tab>launch<enter>y").await.sees("◇ released");
        Ok(())
    }

    async fn r27_an_alert_is_acknowledged_from_every_list_that_has_it(place: &TestStore) -> anyhow::Result<()> {
        for (list, after) in [(":alerts<enter>", "seen"), (":project support<enter>7", "seen"), (":pulse<enter><tab>", "Nothing:")] {
            let place = TestStore::new(place.engine())?;
            let mut session = Session::open(&place, (100, 30), true).await?;
            session.press("<enter>/support<enter>$<backspace><backspace><backspace><backspace>0<enter>").await;
            session.press("$<backspace>none<enter>").await.sees("✓ the budget is none");
            session.press(list).await.sees("a acknowledge");
            session.press("a").await.sees("Support exhausted its budget of $0");
            session.press("<enter>").await.sees("✓ the alert on Support is acknowledged");
            session.sees(after);
            session.press("a").await;
            assert!(session.model.overlay.is_none() && session.deeds == 3, "once is enough");
        }
        Ok(())
    }

    async fn r15_a_secret_is_shown_once_and_no_key_in_passing_puts_it_away(place: &TestStore) -> anyhow::Result<()> {
        let mut session = Session::open(place, (100, 30), true).await?;
        session.press("<enter>/support<enter><enter>n").await.sees("New key in Support");
        session.press("<enter>").await.sees("It will not be shown again");
        let shown = session.screen();
        let secret = shown.split_whitespace().find(|word| word.starts_with("sk-proj-") && !word.contains('…')).unwrap().to_owned();
        session.press("<enter>q <tab><esc>n<c-c>x<esc>").await.sees(&secret);
        assert!(!session.left, "control-c does not lose it");
        session.press("xc").await.sees("sent to the clipboard");
        assert_eq!(session.copied, [Clip::new(secret.clone())]);
        session.send(Msg::Paste("y".to_owned()));
        session.press("<esc>y").await;
        assert!(!session.screen().contains(&secret));
        let view = mete_control::View::new(&session.bench.doer.store, &session.bench.doer.actor).await?;
        view.key(&secret).await?;
        Ok(())
    }

    async fn a_form_that_is_left_while_it_is_done_is_done_and_its_secret_shown(place: &TestStore) -> anyhow::Result<()> {
        let mut session = Session::open(place, (100, 30), true).await?;
        session.press("<enter>/support<enter><enter>n").await;
        session.send(Msg::Key(parse("<enter>")[0]));
        session.send(Msg::Key(parse("<esc>")[0]));
        session.send(Msg::Key(parse("?")[0]));
        session.settle().await;
        assert!(!session.screen().contains("It will not be shown again"), "it waits until the help is gone");
        session.press("<esc>").await.sees("It will not be shown again");
        session.press("<esc>y.").await;
        session.press("<esc>n").await;
        session.send(Msg::Key(parse("<enter>")[0]));
        session.send(Msg::Key(parse("<c-c>")[0]));
        assert!(!session.left);
        session.sees("leaving once what is being done is done");
        session.settle().await;
        assert!(!session.left, "a secret came of it");
        session.press("<esc>y").await;
        assert!(session.left);
        Ok(())
    }

    async fn r6_what_takes_another_role_is_not_offered_and_told_in_the_list_of_acts(place: &TestStore) -> anyhow::Result<()> {
        let mut bench = Bench::open(place).await?;
        bench.doer.actor = bench.person("kim@acme.test").await?;
        let mut session = Session::over(bench, (100, 30), true).await;
        session.press("<enter>/support<enter>").await;
        let bar = session.screen().lines().last().unwrap_or_default().to_owned();
        assert!(!bar.contains("block") && !bar.contains("remove") && bar.contains(". more"), "{bar}");
        session.press("xb$nE").await;
        assert!(session.model.overlay.is_none() && session.deeds == 0);
        session.press(".archive").await.sees("that takes an owner of the project or the organization");
        session.press("<enter>").await.sees("What can be done");
        session.press("<esc><enter>").await;
        let bar = session.screen().lines().last().unwrap_or_default().to_owned();
        assert!(bar.contains("n new") && bar.contains("x remove"), "an own key is one's own: {bar}");
        Ok(())
    }

    async fn r34_one_entry_or_a_group_of_the_quarantine_is_retried_and_forgotten(place: &TestStore) -> anyhow::Result<()> {
        let bench = Bench::open(place).await?;
        bench.quarantine().await?;
        let mut session = Session::over(bench, (100, 30), true).await;
        session.press(":quarantine<enter>").await.sees("3 in all");
        session.press("t").await.sees("3 entries are there");
        session.press("<enter>").await.sees("✓ 3 read again");
        session.press("<tab>t").await.sees("1 entry is there");
        session.press("<enter>").await.sees("✓ 1 read again");
        session.press("x<tab>torn<enter>y").await.sees("✓ 1 of the quarantine are forgotten");
        session.press("<enter>x<tab>torn<enter>y").await.sees("It has left the quarantine");
        session.press("<esc><tab>x<tab>torn<enter>y").await.sees("✓ 1 of the quarantine are forgotten");
        assert_eq!(session.bench.doer.store.count_quarantine().await?, 0);
        Ok(())
    }

    async fn r4_a_setting_is_edited_where_it_is_listed(place: &TestStore) -> anyhow::Result<()> {
        let mut session = Session::open(place, (100, 30), true).await?;
        session.press(":settings<enter>/retention<enter>E").await.sees("Setting retention_months");
        session.press("<backspace><backspace><backspace>7<enter>").await.sees("✓ retention_months is 7");
        assert_eq!(session.bench.doer.store.setting(Stored::RetentionMonths).await?, 7);
        Ok(())
    }

    async fn what_is_left_with_esc_changes_nothing(place: &TestStore) -> anyhow::Result<()> {
        let mut session = Session::open(place, (100, 30), true).await?;
        let before = session.bench.doer.store.versions().await?;
        session.press("nAcme 2<esc>$1<esc><enter>E2<esc>b<tab>why<esc>x<esc>.<down><enter><esc>").await;
        assert_eq!((session.deeds, session.bench.doer.store.versions().await?), (0, before));
        Ok(())
    }
}

const KEYS: &[&str] = &[
    "<enter>",
    "<esc>",
    "<up>",
    "<down>",
    "<tab>",
    "n",
    "e",
    "E",
    "d",
    "2",
    "4",
    "b",
    "$",
    "u",
    "x",
    ".",
    "y",
    "c",
    "a",
    "5",
    "S",
    "/",
    "v",
    "j",
    "?",
    ":",
    "<backspace>",
];

/// No key changes anything where the store is only looked at, and none is offered that would.
#[test]
fn read_only_changes_nothing_whatever_is_pressed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("mete.db").display());
    let bench = runtime.block_on(Bench::at(&url)).unwrap();
    let before = runtime.block_on(bench.doer.store.versions()).unwrap();
    let bench = std::cell::RefCell::new(Some(bench));
    let keys = prop::collection::vec(prop::sample::select(KEYS), 1..40).prop_map(|keys| keys.concat());
    let mut runner = TestRunner::new(Config::with_cases(48));
    let outcome = runner.run(&keys, |keys| {
        let bench_now = bench.borrow_mut().take().unwrap();
        let (session, after) = runtime.block_on(async {
            let mut session = Session::over(bench_now, (100, 30), false).await;
            session.press(&keys).await;
            let after = session.bench.doer.store.versions().await.unwrap();
            (session, after)
        });
        let offered = session.model.offered();
        let deeds = session.deeds;
        *bench.borrow_mut() = Some(session.bench);
        prop_assert_eq!((deeds, after), (0, before));
        prop_assert!(!offered.iter().any(|action| crate::actions::ACTING.contains(action)));
        Ok(())
    });
    outcome.unwrap();
}

/// The forms as a person sees them.
async fn form(place: &str, size: (u16, u16), keys: &str) -> String {
    let mut session = Session::over(Bench::at(place).await.unwrap(), size, true).await;
    session.press(keys).await;
    let screen = session.screen();
    // what looks like a secret has no place in a file
    mete_core::secret::masked(&screen).into_owned()
}

macro_rules! pictures {
    ($($name:ident: $keys:literal),+ $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            for size in [(80, 24), (120, 40)] {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite:{}", folder.path().join("mete.db").display());
                assert_snapshot!(format!("{}_at_{}x{}", stringify!($name), size.0, size.1), form(&url, size, $keys).await);
            }
        }
    )+};
}

pictures! {
    form_archive: "<enter>/support<enter>xSupport b<tab>",
    form_block: "<enter>/support<enter>b2h<tab>",
    form_release: "<enter>/support<enter>u",
    form_acknowledge: "<enter>/support<enter>$<backspace><backspace><backspace><backspace>0<enter>:alerts<enter>a",
    form_budget: "<enter>/support<enter>$<backspace>x",
    form_new_key: "<enter>/support<enter><enter>n<tab><tab><tab>res<tab> <down> ",
    form_revoke_key: "<enter>/support<enter><enter>x<tab>",
    form_invite: ".invite some<enter>new@acme.test<tab>",
    form_take_out: ".take a member<enter>",
    form_setting: ".bytes of files<enter>",
    form_under_an_error: "<enter>nSearch<enter>",
    secret_shown_once: "<enter>/support<enter><enter>n<enter>",
    secret_put_away: "<enter>/support<enter><enter>n<enter>c<esc>",
    acts_on_an_organization: ".",
    acts_on_a_project: "<enter>/support<enter>.",
}

each_engine! {
    async fn a_store_that_cannot_be_written_is_known_for_it(place: &TestStore) -> anyhow::Result<()> {
        let bench = Bench::open(place).await?;
        assert!(!bench.doer.store.is_read_only().await);
        let looked_at = match place.url().strip_prefix("sqlite:") {
            Some(path) => {
                let mut permissions = std::fs::metadata(path)?.permissions();
                permissions.set_readonly(true);
                std::fs::set_permissions(path, permissions)?;
                bench.doer.store.clone()
            }
            None => {
                let sign = if place.url().contains('?') { '&' } else { '?' };
                let url = format!("{}{sign}options=-c%20default_transaction_read_only%3Don", place.url());
                mete_store::Store::open_as_it_is(&url.parse()?).await?
            }
        };
        assert!(looked_at.is_read_only().await);
        Ok(())
    }
}
