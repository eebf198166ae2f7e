//! Real gateways in front of Mete, with the configurations of `config/gateways`: each asks about every request, passes on
//! what is allowed, and logs what it used.

#[cfg(test)]
mod caddy;
#[cfg(test)]
mod client;
#[cfg(test)]
mod envoy;
#[cfg(test)]
mod exceptions;
#[cfg(test)]
mod files;
#[cfg(test)]
#[path = "../../../crates/api/tests/http/grpc.rs"]
mod grpc;
#[cfg(test)]
mod haproxy;
#[cfg(test)]
mod litellm;
#[cfg(test)]
mod nginx;
#[cfg(test)]
#[path = "../peers/peer.rs"]
mod peer;
#[cfg(test)]
#[path = "../peers/stage.rs"]
mod stage;
#[cfg(test)]
mod story;
#[cfg(test)]
mod upstream;
