//! Programs of others that send usage to Mete, in earnest: OpenTelemetry's SDK and LiteLLM, set up as `docs/connect.md`
//! says, and the logs of the others that it names.

#[cfg(test)]
mod documented;
#[cfg(test)]
mod litellm;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod opentelemetry;
#[cfg(test)]
mod peer;
#[cfg(test)]
#[path = "../daemon/support/proxy.rs"]
mod proxy;
#[cfg(test)]
mod stage;
