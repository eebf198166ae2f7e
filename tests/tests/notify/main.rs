//! Owners are told of alerts by e-mail (R27): the real `meted` and `mete`, and a real mail server, whose mail is read by
//! Python's own library.
//!
//! `METE_TEST_ROUNDS=100` kills the daemon as often, `METE_TEST_SEED` repeats a run.

#[cfg(test)]
mod conversation;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod life;
#[cfg(test)]
mod server;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod webhooks;
