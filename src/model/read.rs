//! Typed access to the fields of a resource, with errors that name the path.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::duration::parse_duration;
use super::selector::Selector;
use crate::net::{Asn, Prefix};

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The value is not one of those allowed.
    #[error("{field}: {value} is not {allowed}")]
    Value {
        /// The path of the field, such as `spec.asNumber`.
        field: String,
        /// The value found, as JSON, cut where it is long.
        value: String,
        /// What is allowed, so that it reads on after "is not".
        allowed: String,
    },
    /// The field is needed and absent.
    #[error("{field} is missing: it must be {allowed}")]
    Missing {
        /// The path of the field.
        field: String,
        /// What is allowed.
        allowed: String,
    },
    /// Two fields are set of which only one may be.
    #[error("{field} and {other} exclude each other: set only one of them")]
    Conflict {
        /// The path of the field that must go.
        field: String,
        /// The path of the other one.
        other: String,
    },
}

impl FieldError {
    /// The path of the field at fault.
    pub fn field(&self) -> &str {
        match self {
            Self::Value { field, .. }
            | Self::Missing { field, .. }
            | Self::Conflict { field, .. } => field,
        }
    }

    /// The value found, where there was one.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Value { value, .. } => Some(value),
            Self::Missing { .. } | Self::Conflict { .. } => None,
        }
    }

    /// The same fault without the value found, for what nobody may read.
    pub(super) fn without_value(self) -> Self {
        match self {
            Self::Value { field, allowed, .. } => Self::Value {
                field,
                value: "the value, which is not shown,".to_owned(),
                allowed,
            },
            other => other,
        }
    }

    /// The same fault without the field's path.
    pub fn message(&self) -> String {
        match self {
            Self::Value { value, allowed, .. } => format!("{value} is not {allowed}"),
            Self::Missing { allowed, .. } => format!("is missing: it must be {allowed}"),
            Self::Conflict { other, .. } => {
                format!("excludes {other}: set only one of them")
            }
        }
    }
}

/// What an AS number may look like.
pub(super) const ASN_ALLOWED: &str = "an AS number (1–4294967295, as a number, as text such as \"65001\", or asdot such as \"1.10\")";
/// What a duration may look like.
const DURATION_ALLOWED: &str = "a duration such as \"90s\" or \"1m30s\"";
/// Values longer than this are cut in messages.
const SHOWN_CHARS_MAX: usize = 80;

/// An object within a resource, and the path that leads to it; an absent one has no fields.
#[derive(Clone, Debug)]
pub(super) struct Object<'a> {
    map: Option<&'a Map<String, Value>>,
    path: String,
}

impl<'a> Object<'a> {
    /// The resource itself.
    pub(super) fn root(value: &'a Value) -> Result<Self, FieldError> {
        Self::new(Some(value), String::new())
    }

    fn new(value: Option<&'a Value>, path: String) -> Result<Self, FieldError> {
        match value {
            None | Some(Value::Null) => Ok(Self { map: None, path }),
            Some(Value::Object(map)) => Ok(Self {
                map: Some(map),
                path,
            }),
            Some(other) => Err(invalid(path, other, "an object with named fields")),
        }
    }

    /// The path of a field.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn value(&self, key: &str) -> Option<&'a Value> {
        self.map?.get(key).filter(|value| !value.is_null())
    }

    /// An error about the value of a field.
    pub(super) fn refuse(&self, key: &str, allowed: &str) -> FieldError {
        invalid(
            self.path(key),
            self.value(key).unwrap_or(&Value::Null),
            allowed,
        )
    }

    /// An error about a field that is absent.
    pub(super) fn missing(&self, key: &str, allowed: &str) -> FieldError {
        FieldError::Missing {
            field: self.path(key),
            allowed: allowed.to_owned(),
        }
    }

    /// An error about two fields set together.
    pub(super) fn conflict(&self, key: &str, other: &str) -> FieldError {
        FieldError::Conflict {
            field: self.path(key),
            other: self.path(other),
        }
    }

    /// A nested object; absent ones read as empty.
    pub(super) fn object(&self, key: &str) -> Result<Self, FieldError> {
        Self::new(self.value(key), self.path(key))
    }

    /// Text; absent and empty are the same, as in Calico.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, FieldError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.refuse(key, "text (put it in quotes)")),
        }
    }

    /// Text that must be there.
    pub(super) fn required_text(&self, key: &str, allowed: &str) -> Result<&'a str, FieldError> {
        self.text(key)?.ok_or_else(|| self.missing(key, allowed))
    }

    /// Text that `read` turns into a value.
    pub(super) fn parsed<T>(
        &self,
        key: &str,
        allowed: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, FieldError> {
        match self.text(key)? {
            None => Ok(None),
            Some(text) => match read(text) {
                Some(value) => Ok(Some(value)),
                None => Err(self.refuse(key, allowed)),
            },
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, key: &str) -> Result<Option<bool>, FieldError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.refuse(key, "true or false")),
        }
    }

    /// A whole number in a range.
    pub(super) fn integer<T: TryFrom<u64>>(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<T>, FieldError> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        value
            .as_u64()
            .filter(|number| range.contains(number))
            .and_then(|number| T::try_from(number).ok())
            .map(Some)
            .ok_or_else(|| {
                let allowed = format!("a whole number of {}–{}", range.start(), range.end());
                self.refuse(key, &allowed)
            })
    }

    /// An AS number in any of Calico's notations; `zero` says what 0 means.
    pub(super) fn asn(&self, key: &str, zero: ZeroAsn) -> Result<Option<Asn>, FieldError> {
        let read = match self.value(key) {
            None => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::String(text)) => text.parse().ok(),
            Some(Value::Number(number)) => number
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .map(Asn),
            Some(_) => None,
        };
        match (read, zero) {
            (Some(Asn(0)), ZeroAsn::Unset) => Ok(None),
            (None, _) | (Some(Asn(0)), ZeroAsn::Refused) => Err(self.refuse(key, ASN_ALLOWED)),
            (Some(asn), _) => Ok(Some(asn)),
        }
    }

    /// A Go duration.
    pub(super) fn duration(&self, key: &str) -> Result<Option<Duration>, FieldError> {
        self.parsed(key, DURATION_ALLOWED, parse_duration)
    }

    /// A selector.
    pub(super) fn selector(&self, key: &str) -> Result<Option<Arc<Selector>>, FieldError> {
        let read = |text| match Selector::parse(text) {
            Ok(selector) => Ok(Arc::new(selector)),
            Err(error) => Err(self.refuse(key, &format!("a selector: {error}"))),
        };
        self.text(key)?.map(read).transpose()
    }

    /// An address.
    pub(super) fn address(&self, key: &str) -> Result<Option<IpAddr>, FieldError> {
        self.parsed(key, "an IPv4 or IPv6 address", |text| text.parse().ok())
    }

    /// A prefix that must be there.
    pub(super) fn prefix(&self, key: &str) -> Result<Prefix, FieldError> {
        const ALLOWED: &str = "a prefix such as 10.65.0.0/16 or fd00:10:65::/64";
        self.parsed(key, ALLOWED, |text| {
            text.contains('/').then(|| text.parse().ok()).flatten()
        })?
        .ok_or_else(|| self.missing(key, ALLOWED))
    }

    /// The elements of a list of objects; absent lists are `None`.
    pub(super) fn objects(&self, key: &str) -> Result<Option<Vec<Self>>, FieldError> {
        self.elements(key)?
            .map(|elements| {
                elements
                    .into_iter()
                    .map(|(path, value)| Self::new(Some(value), path))
                    .collect()
            })
            .transpose()
    }

    /// The elements of a list of texts; absent lists are empty.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<Arc<str>>, FieldError> {
        let elements = self.elements(key)?.unwrap_or_default();
        elements
            .into_iter()
            .map(|(path, value)| match value {
                Value::String(text) => Ok(Arc::from(text.as_str())),
                other => Err(invalid(path, other, "text")),
            })
            .collect()
    }

    /// An object whose values are all text, such as labels.
    pub(super) fn text_map(&self, key: &str) -> Result<BTreeMap<String, String>, FieldError> {
        let object = self.object(key)?;
        object
            .map
            .into_iter()
            .flatten()
            .map(|(name, value)| match value {
                Value::String(text) => Ok((name.clone(), text.clone())),
                other => Err(invalid(object.path(name), other, "text (put it in quotes)")),
            })
            .collect()
    }

    fn elements(&self, key: &str) -> Result<Option<Vec<(String, &'a Value)>>, FieldError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Array(values)) => Ok(Some(
                values
                    .iter()
                    .enumerate()
                    .map(|(index, value)| (format!("{}[{index}]", self.path(key)), value))
                    .collect(),
            )),
            Some(_) => Err(self.refuse(key, "a list")),
        }
    }

    /// Whether a field is present with a value that is not empty.
    pub(super) fn is_set(&self, key: &str) -> bool {
        match self.value(key) {
            None => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(values)) => !values.is_empty(),
            Some(Value::Object(map)) => !map.is_empty(),
            Some(_) => true,
        }
    }
}

/// What the AS number 0 means in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ZeroAsn {
    /// The same as an absent field, as where Calico's own type cannot tell them apart.
    Unset,
    /// A fault: AS 0 is reserved (RFC 7607).
    Refused,
}

fn invalid(field: String, value: &Value, allowed: &str) -> FieldError {
    FieldError::Value {
        field,
        value: shown(value),
        allowed: allowed.to_owned(),
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text;
    }
    text.chars()
        .take(SHOWN_CHARS_MAX)
        .chain("…".chars())
        .collect()
}
