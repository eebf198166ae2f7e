//! Tests of the interface as a whole: what a person sees after what keys.

mod acting;
pub mod driver;
mod every_screen;
mod intake;
mod laws;
mod main_loop;
mod overlays;
mod people;
mod pulse;
mod registry;
mod screens;
mod settings;
