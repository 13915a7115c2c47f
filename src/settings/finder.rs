//! Looks settings up in their places, in order, and remembers where each was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::FileSettings;
use super::values::NodeName;
use super::{Origin, SettingsError, Surroundings};

/// Where calico-node leaves the node's name; `CALICO_NODENAME_FILE` names another place.
const NODENAME_FILE: &str = "/var/lib/calico/nodename";

/// Where the kernel tells the host's name.
const HOSTNAME_FILE: &str = "/proc/sys/kernel/hostname";

/// A value with the flag that sets it; parsing says in one sentence what is allowed.
pub(super) trait Setting: std::str::FromStr<Err = String> {
    /// The flag.
    const FLAG: &'static str;
}

/// An environment variable, and how its text becomes that of the setting.
pub(super) struct Variable {
    name: &'static str,
    translate: fn(String, &dyn Surroundings) -> String,
}

pub(super) const fn plain(name: &'static str) -> Variable {
    Variable {
        name,
        translate: |text, _| text,
    }
}

/// `DATASTORE_TYPE` comes as the calico-node image sets it (spec/interfaces.md §1).
pub(super) const DATASTORE: [Variable; 2] = [
    plain("CALIDRIS_DATASTORE"),
    Variable {
        name: "DATASTORE_TYPE",
        translate: |kind, around| match kind.as_str() {
            "kubernetes" => "kubernetes:".to_owned(),
            "etcdv3" => format!(
                "etcd://{}",
                around.variable("ETCD_ENDPOINTS").unwrap_or_default()
            ),
            _ => kind,
        },
    },
];

/// `BGP_LOGSEVERITYSCREEN` has Calico's words for levels.
pub(super) const LOG: [Variable; 2] = [
    plain("RUST_LOG"),
    Variable {
        name: "BGP_LOGSEVERITYSCREEN",
        translate: |severity, _| match severity.to_lowercase().as_str() {
            "panic" | "fatal" => "error".to_owned(),
            "warning" => "warn".to_owned(),
            level => level.to_owned(),
        },
    },
];

/// Looks a setting up in its places, in order, and remembers where it was.
pub(super) struct Finder<'a> {
    around: &'a dyn Surroundings,
    file: &'a FileSettings,
    file_path: &'a Path,
    pub(super) origins: BTreeMap<&'static str, Origin>,
}

impl<'a> Finder<'a> {
    pub(super) const fn new(
        around: &'a dyn Surroundings,
        file: &'a FileSettings,
        path: &'a Path,
    ) -> Self {
        Self {
            around,
            file,
            file_path: path,
            origins: BTreeMap::new(),
        }
    }

    /// The value from a flag, the environment or the file. An empty variable counts as unset, as
    /// everywhere in Calico.
    pub(super) fn find<T: Setting>(
        &mut self,
        key: &'static str,
        flag: Option<T>,
        variables: &[Variable],
    ) -> Result<Option<T>, SettingsError> {
        if let Some(value) = flag {
            self.origins.insert(key, Origin::Flag(T::FLAG));
            return Ok(Some(value));
        }
        for variable in variables {
            if let Some(text) = self.variable(variable.name) {
                let text = (variable.translate)(text, self.around);
                return self
                    .parse(key, &text, Origin::Environment(variable.name))
                    .map(Some);
            }
        }
        match self.file.get(key) {
            Some((text, line)) => {
                let origin = Origin::File(self.file_path.to_owned(), line);
                self.parse(key, text, origin).map(Some)
            }
            None => {
                self.origins.insert(key, Origin::Default);
                Ok(None)
            }
        }
    }

    pub(super) fn or_default<T: Setting + Default>(
        &mut self,
        key: &'static str,
        flag: Option<T>,
        variables: &[Variable],
    ) -> Result<T, SettingsError> {
        Ok(self.find(key, flag, variables)?.unwrap_or_default())
    }

    fn parse<T: Setting>(
        &mut self,
        key: &'static str,
        text: &str,
        origin: Origin,
    ) -> Result<T, SettingsError> {
        match text.trim().parse() {
            Ok(value) => {
                self.origins.insert(key, origin);
                Ok(value)
            }
            Err(reason) => Err(SettingsError::Value {
                key,
                value: text.to_owned(),
                origin,
                reason,
            }),
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.around
            .variable(name)
            .filter(|value| !value.trim().is_empty())
    }

    /// The name that calico-node has chosen, else the host's (spec/calico.md §1.8).
    pub(super) fn node_of_host(&mut self) -> Result<String, SettingsError> {
        let path = self
            .variable("CALICO_NODENAME_FILE")
            .unwrap_or_else(|| NODENAME_FILE.to_owned());
        let path = PathBuf::from(path);
        if let Ok(text) = self.around.file(&path)
            && !text.trim().is_empty()
        {
            let origin = Origin::NodenameFile(path);
            return Ok(self.parse::<NodeName>("node", &text, origin)?.0);
        }
        if let Some(text) = self.variable("HOSTNAME") {
            let origin = Origin::Environment("HOSTNAME");
            let name = self.parse::<NodeName>("node", &text.to_lowercase(), origin)?;
            return Ok(name.0);
        }
        match self.around.file(Path::new(HOSTNAME_FILE)) {
            Ok(text) if !text.trim().is_empty() => {
                let name =
                    self.parse::<NodeName>("node", &text.to_lowercase(), Origin::HostName)?;
                Ok(name.0)
            }
            _ => Err(SettingsError::NoNode(path)),
        }
    }
}
