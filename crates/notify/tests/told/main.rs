//! Who is told of which alert, and that they are, whatever the mail server does (R27).

#[cfg(test)]
mod planning;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod server;
#[cfg(test)]
mod world;
