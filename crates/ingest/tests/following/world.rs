//! The files, and all that may happen to them.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _};

/// The line with which some writers begin every file.
pub const HEADER: &str = "header";

/// What a file holds since it was made or truncated.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// Ids of its whole lines, and where each ends.
    pub lines: Vec<(String, u64)>,
    /// Text of a line that was begun, and how much of it is there.
    torn: Option<(String, usize)>,
}

impl Content {
    /// Where its last whole line ends.
    pub fn whole(&self) -> u64 {
        self.lines.last().map_or(0, |line| line.1)
    }
}

/// A file with a writer that has it open.
#[derive(Debug)]
pub struct Log {
    /// Unlike its inode, nobody else's ever.
    pub number: u64,
    pub path: Option<PathBuf>,
    pub content: Content,
    /// Counts how often it was truncated.
    pub generation: u32,
    writer: File,
}

impl Log {
    pub fn inode(&self) -> (u64, u64) {
        let metadata = self.writer.metadata().unwrap();
        (metadata.dev(), metadata.ino())
    }

    pub fn length(&self) -> u64 {
        self.writer.metadata().unwrap().len()
    }

    fn truncate(&mut self, lines: usize) {
        self.content.lines.truncate(lines);
        self.content.torn = None;
        self.writer.set_len(self.content.whole()).unwrap();
        self.generation += 1;
    }
}

/// A file that nobody writes any more: a compressed one, or a copy with a torn end.
#[derive(Debug)]
pub struct Still {
    pub path: PathBuf,
    pub content: Content,
    /// What is not written yet.
    pub rest: Vec<u8>,
}

/// A folder with logs that grow, are rotated, truncated, compressed and deleted.
pub struct World {
    folder: PathBuf,
    pub logs: Vec<Log>,
    pub still: Vec<Still>,
    /// Ids of all lines that were ever begun.
    pub written: HashSet<String>,
    /// Texts of lines that were not written at once.
    pub torn: Vec<String>,
    /// Whether a half written archive may have been taken for a broken one.
    pub had_half_archive: bool,
    next: u64,
}

impl World {
    pub fn new(folder: &Path) -> Self {
        let folder = folder.to_owned();
        let (logs, still, written, torn) = (Vec::new(), Vec::new(), HashSet::new(), Vec::new());
        Self { folder, logs, still, written, torn, had_half_archive: false, next: 0 }
    }

    /// Files whose names begin so are followed.
    pub fn pattern(&self) -> String {
        self.folder.join("usage*").display().to_string()
    }

    pub fn is_followed(path: &Path) -> bool {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"usage"))
    }

    fn add(&mut self, path: &Path, content: Content) {
        self.next += 1;
        let writer = File::options().append(true).create(true).open(path).unwrap();
        self.logs.push(Log { number: self.next, path: Some(path.to_owned()), content, generation: 0, writer });
    }

    fn name(&mut self, prefix: &str) -> PathBuf {
        self.next += 1;
        self.folder.join(format!("{prefix}.{}", self.next))
    }

    fn current(&self) -> PathBuf {
        self.folder.join("usage.jsonl")
    }

    fn line(&mut self, id: Option<&str>, random: &mut StdRng) -> (String, String) {
        self.next += 1;
        let id = id.map_or_else(|| format!("e{}", self.next), str::to_owned);
        // Most are short, some are longer than what tells files apart.
        let padding = if id == HEADER { 0 } else { [0, 7, 300, 6000][random.random_range(0..4)] };
        // No two lines end alike, or begin alike for long: by that a file is known again.
        let padding: String = format!("{id}.").chars().cycle().take(padding).collect();
        let text = format!(r#"{{"id":"{id}","time":"2026-11-23T09:00:00Z","cost":"0.01","note":"{padding}"}}"#);
        let text = text.replace(r#","note":"""#, "");
        self.written.insert(id.clone());
        (id, text)
    }

    pub fn id_of(line: &str) -> &str {
        line.split('"').nth(3).unwrap()
    }

    /// Appends lines to a log; the last one is sometimes torn, to go on later.
    pub fn append(&mut self, number: usize, random: &mut StdRng) {
        let mut text = String::new();
        let mut at = self.logs[number].length();
        if let Some((line, there)) = self.logs[number].content.torn.take() {
            let rest = format!("{}\n", &line[there..]);
            at += rest.len() as u64;
            let id = Self::id_of(&line).to_owned();
            self.logs[number].content.lines.push((id, at));
            text += &rest;
        }
        let begins = at == 0 && random.random_range(0..2) == 0;
        for index in 0..random.random_range(0..12) {
            let (id, line) = self.line((begins && index == 0).then_some(HEADER), random);
            let end = ["\n", "\r\n", "\n\n"][random.random_range(0..3)];
            // An empty line is one of its own.
            at += (line.len() + end.len()) as u64;
            self.logs[number].content.lines.push((id, at));
            text += &(line + end);
        }
        if random.random_range(0..3) == 0 {
            let (_, line) = self.line(None, random);
            let there = random.random_range(1..=line.len());
            text += &line[..there];
            self.torn.push(line.clone());
            self.logs[number].content.torn = Some((line, there));
        }
        self.logs[number].writer.write_all(text.as_bytes()).unwrap();
    }

    pub fn create(&mut self, random: &mut StdRng) {
        let path = if self.current().exists() { self.name("usage-other") } else { self.current() };
        self.add(&path, Content::default());
        self.append(self.logs.len() - 1, random);
    }

    /// Renames a log: within what is followed, out of it, or back.
    pub fn rename(&mut self, number: usize, random: &mut StdRng) {
        let to = self.name(["usage.jsonl", "usage.jsonl", "away"][random.random_range(0..3)]);
        let Some(path) = &mut self.logs[number].path else { return };
        fs::rename(&*path, &to).unwrap();
        *path = to;
    }

    /// Another file takes the place of the log, whose writer goes on with the old one.
    pub fn replace(&mut self, number: usize, random: &mut StdRng) {
        let Some(path) = self.logs[number].path.take() else { return };
        let new = self.name("away");
        self.add(&new, Content::default());
        self.append(self.logs.len() - 1, random);
        fs::rename(&new, &path).unwrap();
        self.logs.last_mut().unwrap().path = Some(path);
    }

    /// The copy is made and the log emptied before anybody writes again.
    pub fn copy_and_truncate(&mut self, number: usize) {
        let copy = self.name("usage.jsonl");
        let log = &mut self.logs[number];
        let Some(path) = &log.path else { return };
        fs::copy(path, &copy).unwrap();
        let mut content = log.content.clone();
        // Nobody writes the end of what was torn in the copy; in the log it is lost.
        content.torn = None;
        log.truncate(0);
        self.add(&copy, content);
        // Whoever appends there would continue the torn line.
        let (log, last) = (self.logs.len() - 1, self.logs.last().unwrap());
        if last.length() > last.content.whole() {
            self.retire(log);
        }
    }

    /// Nobody writes the log any more; it stays where it is.
    fn retire(&mut self, number: usize) {
        let log = self.logs.remove(number);
        if let Some(path) = log.path {
            self.still.push(Still { path, content: log.content, rest: Vec::new() });
        }
    }

    /// What was not read by now is lost. Often it is written anew at once, past where it was.
    pub fn truncate(&mut self, number: usize, random: &mut StdRng) {
        let (before, lines) = (self.logs[number].length(), self.logs[number].content.lines.len());
        let kept = if random.random_range(0..3) == 0 { random.random_range(0..=lines) } else { 0 };
        self.logs[number].truncate(kept);
        let past = random.random_range(0..2) == 0;
        while past && self.logs[number].length() <= before {
            self.append(number, random);
        }
    }

    /// The writer of a log that is deleted may go on for a while.
    pub fn delete(&mut self, number: usize) {
        if let Some(path) = self.logs[number].path.take() {
            fs::remove_file(path).unwrap();
        }
    }

    pub fn forget(&mut self, number: usize) {
        if self.logs[number].path.is_none() {
            self.logs.remove(number);
        }
    }

    /// Compresses a log and deletes it, as logrotate does; sometimes somebody looks while half of it is written.
    pub fn compress(&mut self, number: usize, random: &mut StdRng) {
        let log = &self.logs[number];
        let Some(path) = log.path.clone().filter(|path| *path != self.current()) else { return };
        if log.content.lines.is_empty() {
            return;
        }
        let text = fs::read(&path).unwrap();
        let (suffix, bytes) = if random.random_range(0..2) == 0 {
            (".gz", gzip(&text))
        } else {
            (".zst", zstd::stream::encode_all(&*text, 1).unwrap())
        };
        let packed = PathBuf::from(format!("{}{suffix}", path.display()));
        let half = if random.random_range(0..3) == 0 { random.random_range(1..bytes.len()) } else { bytes.len() };
        fs::write(&packed, &bytes[..half]).unwrap();
        self.had_half_archive |= half < bytes.len();
        let content = self.logs[number].content.clone();
        self.still.push(Still { path: packed, content, rest: bytes[half..].to_vec() });
        fs::remove_file(path).unwrap();
        self.logs.remove(number);
    }

    /// The compressor goes on.
    pub fn finish_compressing(&mut self) {
        for still in &mut self.still {
            let rest = std::mem::take(&mut still.rest);
            if !rest.is_empty() {
                File::options().append(true).open(&still.path).unwrap().write_all(&rest).unwrap();
            }
        }
    }

    /// Rotates a file on, or away.
    pub fn rename_still(&mut self, number: usize, random: &mut StdRng) {
        let to = self.name(["usage.jsonl", "away"][random.random_range(0..2)]);
        let still = &mut self.still[number];
        fs::rename(&still.path, &to).unwrap();
        still.path = to;
    }

    /// A number below `count`, if there is one.
    pub fn pick(count: usize, random: &mut StdRng) -> Option<usize> {
        (count > 0).then(|| random.next_u64() as usize % count)
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}
