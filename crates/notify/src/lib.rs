//! Mete's notifications: whom an alert is told, on which ways, until it is (R27).
//!
//! The alert that the ledger writes when spend crosses a limit is what waits to be told. [`Post::plan`] makes a delivery of
//! it for everybody who is to be told; [`Post::send_next`] claims one, sends it on its channel and marks it, again and again
//! with growing pauses. Everything that has to outlive a daemon is in the store, so that a kill at any instant loses nothing:
//! a message goes out twice only where the kill fell between sending and marking.

mod bodies;
mod channels;
mod command;
mod escape;
mod failure;
mod letter;
mod mail;
mod notice;
mod pauses;
mod plan;
mod post;
mod private;
mod settings;
mod webhook;

pub use channels::{Channels, EMAIL, OpenError, Trial};
pub use post::{Attempt, Post};
pub use settings::{Command, Kind, Password, Settings, Smtp, Tls, Webhook};
