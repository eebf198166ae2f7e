//! The rules of the directory (R1 to R22, R24, R27, R35, R36, R41, R42, R45), each on both engines.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod actors;
#[cfg(test)]
mod alerts;
#[cfg(test)]
mod archive;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod blocks;
#[cfg(test)]
mod default_project;
#[cfg(test)]
mod invites;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod organizations;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod parts;
#[cfg(test)]
mod people;
#[cfg(test)]
mod projects;
#[cfg(test)]
mod quarantine;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod rerate;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod world;
