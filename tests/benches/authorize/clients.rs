//! Gateways that ask, all of them on one thread, with as little work as possible.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use memchr::{memchr, memmem};
use mete_tests::bench::{Asking, Stopwatch, question};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_util::either::Either;

use crate::place::{Form, Place};

/// Something that listens.
pub trait Server {
    fn address(&self) -> SocketAddr;

    fn socket(&self) -> &Path;
}

#[derive(Clone, Copy, Debug)]
pub enum Transport {
    Tcp,
    Unix,
}

/// What the clients do in one run.
#[derive(Clone, Copy)]
pub struct Load {
    pub transport: Transport,
    pub connections: u64,
    pub requests: u64,
    /// Which question is asked first: the others follow in their order.
    pub begin: u64,
}

/// Who asks.
pub struct Clients {
    runtime: Runtime,
    /// The questions in each form, as many with few keys as with many: the memory that a client walks through is the
    /// same, so that what more keys cost is the server's.
    questions: [Arc<[Vec<u8>]>; 3],
    /// Ids of the holds that were taken and not released.
    holds: Arc<Mutex<Vec<String>>>,
}

type Stream = Either<TcpStream, UnixStream>;

impl Clients {
    /// Who asks about the keys in turn, with so many questions.
    pub fn new(place: &Place, questions: u64) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let secrets = || place.secrets.iter().cycle().take(questions as usize);
        let questions = Form::ALL.map(|form| secrets().map(|secret| form.question(secret)).collect());
        Ok(Self { runtime, questions, holds: Arc::default() })
    }

    /// Whether the server looks at the key at all.
    pub fn check(&self, server: &impl Server) -> Result<()> {
        self.runtime.block_on(async {
            let mut asking = Asking::new(connect(server, Transport::Tcp).await?);
            let known = asking.ask(&self.questions[0][0]).await?;
            let unknown = asking.ask(&question("sk-unknown")).await?;
            ensure!((known, unknown) == (204, 401), "a known key got {known}, an unknown one {unknown}");
            for form in [Form::Json, Form::Holding] {
                asking.ask(&self.questions[form as usize][0]).await?;
                let answer = String::from_utf8_lossy(asking.answer());
                ensure!(answer.contains(r#""decision":"allow""#), "{answer}");
                ensure!(hold_of(asking.answer()).is_some() == (form == Form::Holding), "{answer}");
            }
            Ok(())
        })
    }

    /// Asks `load.requests` times, each connection one question after the other. Tells how long that took, and how many
    /// microseconds each answer took.
    pub fn load(&self, server: &(impl Server + ?Sized), form: Form, load: Load) -> Result<(Duration, Vec<f64>)> {
        self.runtime.block_on(self.ask(server, form, load))
    }

    async fn ask(&self, server: &(impl Server + ?Sized), form: Form, load: Load) -> Result<(Duration, Vec<f64>)> {
        let mut streams = Vec::new();
        for _ in 0..load.connections {
            streams.push(connect(server, load.transport).await?);
        }
        let since = Stopwatch::start();
        let mut asking = JoinSet::new();
        for (number, stream) in streams.into_iter().enumerate() {
            let questions = number..load.requests as usize;
            let turns = questions.step_by(load.connections as usize).map(move |turn| load.begin as usize + turn);
            let questions = Arc::clone(&self.questions[form as usize]);
            asking.spawn(ask_all(Asking::new(stream), questions, turns, Arc::clone(&self.holds)));
        }
        let mut answers = Vec::new();
        while let Some(times) = asking.join_next().await {
            answers.extend(times??);
        }
        Ok((since.elapsed(), answers))
    }

    /// Gives back what was held.
    pub fn release_holds(&self, server: &impl Server) -> Result<()> {
        let holds = std::mem::take(&mut *self.holds.lock().unwrap_or_else(PoisonError::into_inner));
        self.runtime.block_on(async {
            let mut asking = Asking::new(connect(server, Transport::Tcp).await?);
            for hold in holds {
                let status =
                    asking.ask(format!("DELETE /v1/holds/{hold} HTTP/1.1\r\nhost: mete\r\n\r\n").as_bytes()).await?;
                ensure!(status == 204, "a hold could not be released: {status}");
            }
            Ok(())
        })
    }
}

async fn connect(server: &(impl Server + ?Sized), transport: Transport) -> Result<Stream> {
    Ok(match transport {
        Transport::Tcp => {
            let stream = TcpStream::connect(server.address()).await?;
            stream.set_nodelay(true)?;
            Either::Left(stream)
        }
        Transport::Unix => {
            let socket = server.socket();
            let stream = UnixStream::connect(socket).await;
            Either::Right(stream.with_context(|| format!("cannot connect to {}", socket.display()))?)
        }
    })
}

/// Asks about the keys whose turn it is. Tells how many microseconds each answer took.
async fn ask_all(
    mut asking: Asking<Stream>,
    questions: Arc<[Vec<u8>]>,
    turns: impl Iterator<Item = usize>,
    holds: Arc<Mutex<Vec<String>>>,
) -> Result<Vec<f64>> {
    let (mut times, mut taken) = (Vec::new(), Vec::new());
    for turn in turns {
        let since = Stopwatch::start();
        let status = asking.ask(&questions[turn % questions.len()]).await?;
        times.push(since.elapsed().as_secs_f64() * 1e6);
        ensure!(matches!(status, 200 | 204), "the server answered {status}");
        taken.extend(hold_of(asking.answer()));
    }
    holds.lock().unwrap_or_else(PoisonError::into_inner).extend(taken);
    Ok(times)
}

/// The id of the hold that an answer tells.
fn hold_of(answer: &[u8]) -> Option<String> {
    let begin = memmem::find(answer, b"\"hold_")? + 1;
    let length = memchr(b'"', &answer[begin..])?;
    String::from_utf8(answer[begin..begin + length].to_vec()).ok()
}
