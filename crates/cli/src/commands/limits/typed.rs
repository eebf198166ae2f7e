//! Limits as they are typed.

use std::convert::Infallible;
use std::str::FromStr;

use mete_core::Nanos;
use mete_core::money::ParseMoneyError;
use mete_core::rates::Models;

/// An amount, or `none`.
#[derive(Clone, Copy, Debug)]
pub struct Amount(pub Option<Nanos>);

impl FromStr for Amount {
    type Err = ParseMoneyError;

    fn from_str(text: &str) -> Result<Self, ParseMoneyError> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|amount| Self(Some(amount))) }
    }
}

/// Models with commas between, or `all`. What is no model's name is refused with the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelList(pub Models);

impl FromStr for ModelList {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let listed = || text.split(',').map(str::to_owned).collect();
        Ok(Self(if text == "all" { None } else { Some(listed()) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r23_models_are_a_list_or_all() {
        let list = |names: &[&str]| ModelList(Some(names.iter().map(|name| (*name).to_owned()).collect()));
        for (text, models) in [
            ("all", ModelList(None)),
            ("gpt-4o", list(&["gpt-4o"])),
            ("gpt-4o,ft:gpt-4o:acme", list(&["gpt-4o", "ft:gpt-4o:acme"])),
            ("", list(&[""])),
        ] {
            assert_eq!(text.parse(), Ok(models), "{text:?}");
        }
    }
}
