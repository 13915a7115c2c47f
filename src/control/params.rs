//! Query parameters: known names only, each value checked, faults naming the parameter.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::api::ApiError;
use crate::net::{Prefix, PrefixError};

/// What a place may be, in the words of an error.
pub(super) const PLACE: &str = "a prefix such as 10.65.0.0/26 or fd00:10:65::/122, or an address";

/// A prefix, or an address that stands for the most specific prefix that contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// This very prefix.
    Prefix(Prefix),
    /// The longest match of this address.
    Address(IpAddr),
}

impl Place {
    /// The prefix itself; of an address the host prefix.
    pub fn prefix(self) -> Prefix {
        match self {
            Self::Prefix(prefix) => prefix,
            Self::Address(address) => Prefix::host(address),
        }
    }
}

impl FromStr for Place {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(address) => Ok(Self::Address(address)),
            Err(_) => text.parse().map(Self::Prefix),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(prefix) => prefix.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// The parameters of one request.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query string, in which only these names may occur, each once.
    pub(super) fn parse(query: Option<&str>, allowed: &[&str]) -> Result<Self, ApiError> {
        let mut params: Vec<(String, String)> = Vec::new();
        for pair in query
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_decode(name).zip(percent_decode(value));
            let Some((name, value)) = decoded else {
                return Err(ApiError::parameter(
                    name,
                    "is not UTF-8 in percent encoding",
                ));
            };
            if !allowed.contains(&name.as_str()) {
                let reason = match allowed {
                    [] => "is unknown: this address takes no parameters".to_owned(),
                    _ => format!("is unknown: use {}", allowed.join(", ")),
                };
                return Err(ApiError::parameter(&name, &reason));
            }
            if params.iter().any(|(other, _)| *other == name) {
                return Err(ApiError::parameter(&name, "comes twice"));
            }
            params.push((name, value));
        }
        Ok(Self(params))
    }

    /// The text of a parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a parameter, as `parse` reads it; `allowed` says what it may be.
    pub(super) fn value<T>(
        &self,
        name: &str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match parse(text) {
            Some(value) => Ok(Some(value)),
            None => {
                let reason = format!("is {text:?}, must be {allowed}");
                Err(ApiError::parameter(name, &reason))
            }
        }
    }

    /// A switch: absent is `false`, without a value it is `true`.
    pub(super) fn switch(&self, name: &str) -> Result<bool, ApiError> {
        let value = self.value(name, "true or false", |text| match text {
            "" | "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })?;
        Ok(value.unwrap_or(false))
    }
}

/// Undoes percent encoding (RFC 3986 §2.1); `None` where it is broken or not UTF-8.
pub(super) fn percent_decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            octets.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            octets.push(octet);
        }
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_undone_and_broken_one_refused() {
        assert_eq!(
            percent_decode("10.0.0.0%2F8").as_deref(),
            Some("10.0.0.0/8")
        );
        assert_eq!(percent_decode("fd00::/64").as_deref(), Some("fd00::/64"));
        for broken in ["%", "%2", "%zz", "%ff", "%+1"] {
            assert_eq!(percent_decode(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_switch_without_value_is_on() {
        let params = Params::parse(Some("longer"), &["longer"]).expect("parameters");
        assert!(params.switch("longer").expect("a switch"));
        let params = Params::parse(None, &["longer"]).expect("parameters");
        assert!(!params.switch("longer").expect("a switch"));
    }
}
