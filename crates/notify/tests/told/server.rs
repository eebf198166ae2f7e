//! A mail server of the tests' own, in so many lines: it answers what it is told to, and keeps what it takes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the server does with the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Takes it.
    Takes,
    /// Refuses the recipient for good.
    Refuses,
    /// Puts the recipient off.
    PutsOff,
    /// Goes away in the middle of it.
    Dies,
    /// Takes it, and goes away before it says so.
    Forgets,
}

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub to: String,
    pub text: String,
}

impl Taken {
    pub fn message_id(&self) -> &str {
        self.text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap_or_default()
    }
}

#[derive(Default)]
struct State {
    moods: VecDeque<Mood>,
    taken: Vec<Taken>,
}

/// A server that runs until it is dropped.
pub struct Server {
    pub port: u16,
    state: Arc<Mutex<State>>,
    _task: JoinSet<()>,
}

impl Server {
    /// Starts one that is in these moods, one a message, and takes everything then.
    pub async fn start(moods: &[Mood]) -> Result<Self> {
        Self::start_at(0, moods).await
    }

    pub async fn start_at(port: u16, moods: &[Mood]) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State { moods: moods.iter().copied().collect(), taken: Vec::new() }));
        let (shared, mut task) = (Arc::clone(&state), JoinSet::new());
        task.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                talks.spawn(async move {
                    // A client that leaves is no fault of the server's.
                    let _ = talk(stream, &shared).await;
                });
            }
        });
        Ok(Self { port, state, _task: task })
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.state.lock().unwrap().taken.clone()
    }
}

async fn talk(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut to, mut mood) = (String::new(), Mood::Takes);
    stream.write_all(b"220 mail.test\r\n").await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-mail.test\r\n250 8BITMIME\r\n",
            "RCPT" => {
                to = line.trim().trim_start_matches("RCPT TO:<").trim_end_matches('>').to_owned();
                mood = state.lock().unwrap().moods.pop_front().unwrap_or(Mood::Takes);
                match mood {
                    Mood::Refuses => "550 5.1.1 nobody of that name lives here\r\n",
                    Mood::PutsOff => "451 4.7.1 come back later\r\n",
                    _ => "250 ok\r\n",
                }
            }
            "DATA" => "354 go on\r\n",
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
        if verb == "DATA" {
            let mut text = String::new();
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await? == 0 || mood == Mood::Dies {
                    return Ok(());
                }
                if line == ".\r\n" {
                    break;
                }
                text.push_str(&line);
            }
            state.lock().unwrap().taken.push(Taken { to: to.clone(), text });
            if mood == Mood::Forgets {
                return Ok(());
            }
            stream.write_all(b"250 2.0.0 kept as 4711\r\n").await?;
        }
    }
}
