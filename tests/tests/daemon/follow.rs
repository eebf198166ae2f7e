//! Files that grow, turn up, move away, shrink and are written anew: every line counts, once.

use std::fs;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::thread::scope;

use anyhow::{Result, ensure};
use mete_tests::{TestStore, each_engine};

use crate::support::lines::append_text;
use crate::support::{Line, Meted, Stage, append, stage};

each_engine! {
    async fn files_are_followed_from_before_and_after_they_exist(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let (early, late) = (stage.path("early.jsonl"), stage.path("late.jsonl"));
        stage.write(&early, 3);
        let meted = Meted::start(&stage.configure(&(stage::source("early.jsonl") + &stage::source("late.jsonl"))))?;
        stage.counted().await?;
        stage.write(&early, 2);
        stage.write(&late, 4);
        stage.counted().await?;
        stage.write(&late, 1);
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    }

    async fn a_pattern_finds_files_and_folders_that_appear_later(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        fs::create_dir(stage.path("eu"))?;
        stage.write(&stage.path("eu/a.jsonl"), 2);
        let meted = stage.follow("*/*.jsonl")?;
        stage.counted().await?;
        stage.write(&stage.path("eu/b.jsonl"), 2);
        fs::create_dir(stage.path("us"))?;
        stage.write(&stage.path("us/a.jsonl"), 2);
        append(&stage.path("us/a.txt"), &stage.lines(1));
        stage.counted().await?;
        stage.write(&stage.path("us/a.jsonl"), 2);
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    }

    async fn several_files_that_grow_at_once_count_exactly(store: &TestStore) -> Result<()> {
        const FILES: usize = 6;
        const LINES: u64 = 300;
        let mut stage = Stage::new(store).await?;
        let meted = stage.follow("usage-*.jsonl")?;
        let lines: Vec<Vec<Line>> = (0..FILES).map(|_| stage.lines(LINES)).collect();
        scope(|threads| {
            for (number, lines) in lines.iter().enumerate() {
                let path = stage.path(&format!("usage-{number}.jsonl"));
                threads.spawn(move || lines.chunks(7).for_each(|lines| append(&path, lines)));
            }
        });
        stage.expect(&lines.concat());
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    }

    async fn a_line_counts_when_it_is_whole(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let (torn, other) = (stage.path("a.jsonl"), stage.path("b.jsonl"));
        let meted = stage.follow("*.jsonl")?;
        let (rest, line) = stage.tear(&torn);
        look(&mut stage, &other).await?;
        append_text(&torn, &rest);
        stage.expect(&[line]);
        stage.counted().await?;
        // Whole, but for its end.
        let line = stage.lines(1).remove(0);
        append_text(&torn, &line.text);
        look(&mut stage, &other).await?;
        meted.stop()?;
        stage.check().await?;
        append_text(&torn, "\n");
        stage.expect(&[line]);
        let meted = stage.follow("*.jsonl")?;
        stage.counted().await?;
        meted.stop()?;
        ensure!(stage.store.count_quarantine().await? == 0);
        stage.check().await
    }

    async fn reading_goes_on_where_it_stopped(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        stage.write(&path, 20);
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        meted.stop()?;
        let stopped = path.metadata()?.len();
        stage.write(&path, 5);
        let meted = stage.follow("usage.jsonl")?;
        let followed = meted.said("following")?;
        ensure!(followed.contains(&format!("offset={stopped}")), "{followed}");
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    }

    async fn a_first_line_longer_than_any_fingerprint_is_no_trouble(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        let padded = |line: &Line, bytes: usize| line.clone().with(&format!(r#""note":"{}""#, "x".repeat(bytes)));
        let meted = stage.follow("usage.jsonl")?;
        let long = padded(&stage.lines(1)[0], 300_000);
        // It comes in pieces, and a daemon goes while it is not whole.
        let (head, tail) = long.text.split_at(100_000);
        append_text(&path, &head[..5_000]);
        append_text(&path, &head[5_000..]);
        meted.stop()?;
        let meted = stage.follow("usage.jsonl")?;
        append_text(&path, format!("{tail}\n"));
        stage.expect(&[long]);
        stage.counted().await?;
        meted.stop()?;
        stage.write(&path, 2);
        let meted = stage.follow("usage.jsonl")?;
        ensure!(!meted.said("following")?.contains("offset=0"));
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    }
}

each_engine! {
    async fn a_renamed_file_is_read_to_its_end_beside_the_new_one(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let (path, moved) = (stage.path("usage.jsonl"), stage.path("usage.jsonl.1"));
        stage.write(&path, 3);
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        let (rest, torn) = stage.tear(&path);
        let mut writer = File::options().append(true).open(&path)?;
        fs::rename(&path, &moved)?;
        stage.write(&path, 2);
        stage.counted().await?;
        // The writer still has the old one open.
        let lines = stage.lines(2);
        writer.write_all(format!("{rest}{}\n{}\n", lines[0].text, lines[1].text).as_bytes())?;
        stage.expect(&lines);
        stage.expect(&[torn]);
        stage.counted().await?;
        stage.write(&path, 2);
        stage.counted().await?;
        meted.stop()?;
        ensure!(stage.store.count_quarantine().await? == 0);
        stage.check().await
    }

    async fn files_that_were_renamed_while_the_daemon_was_down_are_read_to_their_end(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        stage.write(&path, 3);
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        meted.stop()?;
        stage.write(&path, 2);
        fs::rename(&path, stage.path("usage.jsonl.1"))?;
        stage.write(&path, 4);
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        meted.stop()?;
        // Twice in a row: the one in between was never at the path while a daemon looked.
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    }

    async fn a_file_that_takes_the_place_of_another_is_read_from_its_beginning(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let (path, new) = (stage.path("usage.jsonl"), stage.path("new"));
        stage.write(&path, 3);
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        stage.write(&new, 5);
        fs::rename(&new, &path)?;
        stage.counted().await?;
        fs::remove_file(&path)?;
        stage.write(&path, 2);
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    }

    async fn a_deleted_file_is_read_to_its_end(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        stage.write(&path, 1);
        let meted = stage.follow("*.jsonl")?;
        stage.counted().await?;
        let mut writer = File::options().append(true).open(&path)?;
        fs::remove_file(&path)?;
        look(&mut stage, &path.with_file_name("b.jsonl")).await?;
        let line = stage.lines(1).remove(0);
        writeln!(writer, "{}", line.text)?;
        stage.expect(&[line]);
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    }
}

each_engine! {
    async fn a_truncated_file_is_read_from_its_beginning(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        stage.write(&path, 10);
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        for lines in [1, 3, 2] {
            truncate(&path);
            stage.write(&path, lines);
            stage.counted().await?;
        }
        meted.stop()?;
        truncate(&path);
        stage.write(&path, 1);
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    }

    /// Some writers begin each file with the same line: its beginning does not tell that it was written anew.
    async fn a_truncated_file_with_the_same_first_line_is_read_from_its_beginning(store: &TestStore) -> Result<()> {
        const HEADER: &str = "{\"log\":\"usage of the support bot\"}\n";
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        append_text(&path, HEADER);
        stage.write(&path, 10);
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        meted.stop()?;

        // While nobody looks.
        truncate(&path);
        append_text(&path, HEADER);
        stage.write(&path, 2);
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;

        // While somebody looks; what an earlier daemon knew of the file is no longer so.
        truncate(&path);
        append_text(&path, HEADER);
        stage.write(&path, 1);
        stage.counted().await?;
        meted.stop()?;
        // The same line at the same place is one entry.
        stage.quarantined(1).await?;
        stage.check().await
    }

    async fn a_file_replaced_in_place_by_a_longer_one_is_read_from_its_beginning(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        stage.write(&path, 3);
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        replace(&mut stage, &path, 20)?;
        stage.counted().await?;
        replace(&mut stage, &path, 100)?;
        stage.counted().await?;
        meted.stop()?;
        replace(&mut stage, &path, 300)?;
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        meted.stop()?;
        ensure!(stage.store.count_quarantine().await? == 0, "{:?}", stage.store.quarantine(3).await?);
        stage.check().await
    }

    /// The writer is faster than any look: no block that was read may be of two contents.
    async fn files_replaced_under_the_readers_hands_count_exactly(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        stage.write(&path, 1);
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        for lines in (2..60).step_by(2) {
            replace(&mut stage, &path, lines)?;
            stage.counted().await?;
        }
        meted.stop()?;
        ensure!(stage.store.count_quarantine().await? == 0, "{:?}", stage.store.quarantine(3).await?);
        stage.check().await
    }
}

/// Returns when the daemon, which follows `other` as well, has looked at all its files since the call: the second of
/// two lines in turn was found in a look that began after the first.
async fn look(stage: &mut Stage<'_>, other: &Path) -> Result<()> {
    for _ in 0..2 {
        stage.write(other, 1);
        stage.counted().await?;
    }
    Ok(())
}

fn truncate(path: &Path) {
    File::create(path).unwrap();
}

/// Writes a file anew in place, in one write.
fn replace(stage: &mut Stage<'_>, path: &Path, number: u64) -> Result<()> {
    let lines = stage.lines(number);
    let text: String = lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
    fs::write(path, text)?;
    stage.expect(&lines);
    Ok(())
}
