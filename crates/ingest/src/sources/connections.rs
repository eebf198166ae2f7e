//! Unix sockets and TCP: many writers at once, each with lines of its own.
//!
//! One thread waits for all of them. While the queue is full it reads nothing, and the system makes the writers wait.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::stream::{LAST, PATIENCE, WAIT};
use super::{BLOCK, Feed, Peers, SourceError};
use crate::framing::Framer;

/// Connections of one source at a time. More wait in the system's queue until one is closed.
const MOST: usize = 256;

/// Bytes of lines without an end yet that all connections of a source may hold together. Past it, one that holds more
/// than its share is closed.
const MOST_TORN: usize = 32 * 1024 * 1024;

/// Where writers come in.
#[derive(Debug)]
pub enum Listener {
    /// A Unix socket, and who may write to it.
    Unix(UnixListener, Peers),
    /// A TCP port: whoever can reach it may write.
    Tcp(TcpListener),
}

impl Listener {
    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(listener, _) => listener.as_fd(),
            Self::Tcp(listener) => listener.as_fd(),
        }
    }

    /// The next writer, if one waits; the inner error says who was refused.
    fn accept(&self) -> io::Result<Result<File, String>> {
        let (stream, refused): (OwnedFd, _) = match self {
            Self::Unix(listener, peers) => {
                let (stream, _) = listener.accept()?;
                let checked = peers.check(&stream)?;
                (stream.into(), checked)
            }
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                // Idle is allowed, dead is not: a machine that vanished would keep its place for ever.
                rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
                (stream.into(), Ok(()))
            }
        };
        rustix::io::ioctl_fionbio(&stream, true)?;
        Ok(refused.map(|()| stream.into()))
    }
}

/// Reads what writers send to a socket or port, until the feed is stopped; what the system has taken by then is read.
/// Blocks.
///
/// # Errors
/// When the listener fails, or the ledger's writer is gone. A connection that fails is reported and closed.
pub fn follow_connections(feed: Feed, listener: Listener) -> Result<(), SourceError> {
    rustix::io::ioctl_fionbio(listener.fd(), true).map_err(|errno| SourceError::Listen(errno.into()))?;
    let stop = feed.stop.clone();
    let (run, block) = (Arc::clone(feed.reader.run()), vec![0; BLOCK]);
    let mut server =
        Server { feed, listener, run, connections: Vec::new(), accepted: 0, refused: 0, is_full: false, block };
    while !stop.is_cancelled() {
        server.step()?;
    }
    server.drain()
}

/// A writer, and the line that it has begun.
struct Connection {
    stream: File,
    framer: Framer,
    /// Tells its lines from those of others, for the quarantine.
    run: Arc<str>,
    /// Bytes read since the stop.
    last: usize,
    /// Closed by the writer, or given up.
    has_ended: bool,
}

/// What a connection had to say.
enum Came {
    Bytes(usize),
    Nothing,
    End,
}

impl Connection {
    fn read(&mut self, block: &mut [u8]) -> io::Result<Came> {
        match self.stream.read(block) {
            Ok(0) => Ok(Came::End),
            Ok(read) => Ok(Came::Bytes(read)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(Came::Nothing),
            Err(error) => Err(error),
        }
    }
}

struct Server {
    feed: Feed,
    listener: Listener,
    /// What the source's own reader calls its run.
    run: Arc<str>,
    connections: Vec<Connection>,
    /// How many there ever were, and how many were refused.
    accepted: u64,
    refused: u64,
    is_full: bool,
    block: Vec<u8>,
}

impl Server {
    /// Waits a while for writers, old and new, and reads what they have sent.
    fn step(&mut self) -> Result<(), SourceError> {
        let (knocks, ready) = self.wait(WAIT).map_err(SourceError::Listen)?;
        if knocks {
            self.accept();
        }
        for number in ready {
            self.read(number, BLOCK)?;
        }
        self.close_ended()
    }

    /// Whether somebody knocks, and the numbers of the connections that have something to say.
    fn wait(&self, wait: Duration) -> io::Result<(bool, Vec<usize>)> {
        let mut fds: Vec<PollFd<'_>> =
            self.connections.iter().map(|connection| PollFd::new(&connection.stream, PollFlags::IN)).collect();
        if fds.len() < MOST {
            fds.push(PollFd::from_borrowed_fd(self.listener.fd(), PollFlags::IN));
        }
        let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
        match poll(&mut fds, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_ready = |number: &usize| !fds[*number].revents().is_empty();
        let open = self.connections.len();
        Ok(((open..fds.len()).any(|number| is_ready(&number)), (0..open).filter(is_ready).collect()))
    }

    /// Lets in who waits, as long as there is room.
    fn accept(&mut self) {
        while self.connections.len() < MOST {
            match self.listener.accept() {
                Ok(Ok(stream)) => self.greet(stream),
                Ok(Err(who)) => self.refuse(&who),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => {
                    tracing::warn!(source = self.feed.source(), %error, "cannot accept a connection");
                    // Such as too many open files, which the next try would meet again at once.
                    std::thread::sleep(WAIT);
                    break;
                }
            }
        }
        let is_full = self.connections.len() == MOST;
        if is_full && !self.is_full {
            tracing::warn!(source = self.feed.source(), connections = MOST, "no more connections; others wait");
        }
        self.is_full = is_full;
    }

    fn greet(&mut self, stream: File) {
        self.accepted += 1;
        let run = format!("{}/{}", self.run, self.accepted).into();
        self.connections.push(Connection { stream, framer: Framer::new(0), run, last: 0, has_ended: false });
    }

    /// Said ever more seldom: whoever is refused may come again and again.
    fn refuse(&mut self, who: &str) {
        self.refused += 1;
        self.feed.refused();
        if self.refused.is_power_of_two() {
            tracing::warn!(source = self.feed.source(), who, refused = self.refused, "the writer is not allowed");
        }
    }

    /// Reads at most `most` bytes of a connection; tells how many came.
    fn read(&mut self, number: usize, most: usize) -> Result<usize, SourceError> {
        let connection = &mut self.connections[number];
        let read = match connection.read(&mut self.block[..most]) {
            Ok(Came::Bytes(read)) => read,
            Ok(Came::Nothing) => return Ok(0),
            Ok(Came::End) => {
                connection.has_ended = true;
                return Ok(0);
            }
            Err(error) => {
                tracing::warn!(source = self.feed.source(), %error, "the connection failed");
                connection.has_ended = true;
                return Ok(0);
            }
        };
        self.feed.reader.set_run(Arc::clone(&connection.run));
        let parcel = self.feed.read(&mut connection.framer, &self.block[..read])?;
        self.feed.hand_over(parcel)?;
        self.feed.is_behind(false);
        self.bound_torn(number);
        Ok(read)
    }

    /// Gives up a connection that holds more than its share of the memory for lines without an end.
    fn bound_torn(&mut self, number: usize) {
        let torn: usize = self.connections.iter().map(|connection| connection.framer.torn()).sum();
        let connection = &mut self.connections[number];
        if torn > MOST_TORN && connection.framer.torn() > MOST_TORN / MOST {
            tracing::warn!(
                source = self.feed.source(),
                torn,
                "too many long lines without an end; a connection is closed"
            );
            connection.has_ended = true;
        }
    }

    /// Closes what has ended: a last line without an end counts as it is.
    fn close_ended(&mut self) -> Result<(), SourceError> {
        while let Some(number) = self.connections.iter().position(|connection| connection.has_ended) {
            let mut connection = self.connections.swap_remove(number);
            self.feed.reader.set_run(Arc::clone(&connection.run));
            let parcel = self.feed.read_last(&mut connection.framer);
            self.feed.hand_over(parcel)?;
        }
        Ok(())
    }

    /// The stop: reads what the system has taken for us, and to the end of each line that has begun, and closes all.
    fn drain(&mut self) -> Result<(), SourceError> {
        self.accept();
        let mut waits = 0;
        while waits < PATIENCE && !self.connections.is_empty() {
            let is_torn = self.connections.iter().any(|connection| connection.framer.is_within_line());
            let (_, ready) = self.wait(if is_torn { WAIT } else { Duration::ZERO }).map_err(SourceError::Listen)?;
            let mut read = 0;
            for number in ready {
                read += self.read_last(number)?;
            }
            self.close_ended()?;
            match (read, is_torn) {
                (0, false) => break,
                (0, true) => waits += 1,
                _ => {}
            }
        }
        self.connections.iter_mut().for_each(|connection| connection.has_ended = true);
        self.close_ended()?;
        self.feed.flush()
    }

    /// Reads on after the stop: past a bound byte by byte, so as not to begin another line.
    fn read_last(&mut self, number: usize) -> Result<usize, SourceError> {
        let connection = &mut self.connections[number];
        if connection.last >= LAST && !connection.framer.is_within_line() {
            connection.has_ended = true;
            return Ok(0);
        }
        let most = LAST.saturating_sub(connection.last).clamp(1, BLOCK);
        let read = self.read(number, most)?;
        self.connections[number].last += read;
        Ok(read)
    }
}
