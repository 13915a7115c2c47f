//! What is to be said of sessions, gathered: thousands with one cause come to one warning.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::Warnings;

/// Addresses that a warning names before it only counts them.
const NAMED_MAX: usize = 3;

/// Causes, each with the peers concerned.
#[derive(Default)]
pub(super) struct Remarks {
    /// In the order in which the causes came up.
    causes: Vec<Cause>,
    index: BTreeMap<(Arc<str>, String), usize>,
}

struct Cause {
    resource: Arc<str>,
    field: String,
    text: String,
    named: Vec<IpAddr>,
    count: usize,
}

impl Remarks {
    /// Notes that `text`, the cause and what follows, holds for the session to `address`.
    pub(super) fn add(&mut self, resource: &Arc<str>, field: &str, text: String, address: IpAddr) {
        let causes = &mut self.causes;
        let index = *self
            .index
            .entry((Arc::clone(resource), text))
            .or_insert_with_key(|(resource, text)| {
                causes.push(Cause {
                    resource: Arc::clone(resource),
                    field: field.to_owned(),
                    text: text.clone(),
                    named: Vec::new(),
                    count: 0,
                });
                causes.len() - 1
            });
        let Some(cause) = self.causes.get_mut(index) else {
            return;
        };
        cause.count += 1;
        if cause.named.len() < NAMED_MAX {
            cause.named.push(address);
        }
    }

    /// One warning a cause.
    pub(super) fn into_warnings(self, warnings: &mut Warnings) {
        for cause in self.causes {
            let named: Vec<String> = cause.named.iter().map(ToString::to_string).collect();
            let rest = match cause.count - named.len() {
                0 => String::new(),
                rest => format!(" and {rest} more"),
            };
            let message = format!("{}: {}{rest}", cause.text, named.join(", "));
            warnings.add(cause.resource, &cause.field, message);
        }
    }
}
