//! The settings file: YAML whose keys are the flags in camel case; unknown keys are refused.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_yaml::Spanned;

use super::{FILE_DEFAULT, SettingsError, Surroundings};

/// The file's content, each value as text with its line; meaning is given to it where it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FileSettings {
    datastore: Option<Spanned<String>>,
    node: Option<Spanned<String>>,
    router_id: Option<Spanned<String>>,
    fib: Option<Spanned<String>>,
    table: Option<Spanned<String>>,
    route_protocol: Option<Spanned<String>>,
    rib_shards: Option<Spanned<String>>,
    socket: Option<Spanned<String>>,
    http: Option<Spanned<String>>,
    listen_port: Option<Spanned<String>>,
    secret_namespace: Option<Spanned<String>>,
    missing_password: Option<Spanned<String>>,
    log_format: Option<Spanned<String>>,
    log: Option<Spanned<String>>,
    on_stop: Option<Spanned<String>>,
    metrics_peers: Option<Spanned<String>>,
}

impl FileSettings {
    /// The text and line of a key.
    pub(super) fn get(&self, key: &str) -> Option<(&str, u64)> {
        let value = match key {
            "datastore" => &self.datastore,
            "node" => &self.node,
            "routerId" => &self.router_id,
            "fib" => &self.fib,
            "table" => &self.table,
            "routeProtocol" => &self.route_protocol,
            "ribShards" => &self.rib_shards,
            "socket" => &self.socket,
            "http" => &self.http,
            "listenPort" => &self.listen_port,
            "secretNamespace" => &self.secret_namespace,
            "missingPassword" => &self.missing_password,
            "logFormat" => &self.log_format,
            "log" => &self.log,
            "onStop" => &self.on_stop,
            "metricsPeers" => &self.metrics_peers,
            _ => &None,
        };
        value
            .as_ref()
            .map(|value| (value.value.as_str(), value.referenced.line()))
    }
}

/// Reads the file that `--config` names, which must exist, or the default one, which need not.
pub(super) fn read(
    named: Option<&Path>,
    around: &dyn Surroundings,
) -> Result<(FileSettings, PathBuf), SettingsError> {
    let path = named.unwrap_or(Path::new(FILE_DEFAULT)).to_owned();
    let text = match around.file(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => {
            let reason = error.to_string();
            return Err(SettingsError::Unreadable { path, reason });
        }
    };
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    {
        return Ok((FileSettings::default(), path));
    }
    match serde_yaml::from_str(&text) {
        Ok(settings) => Ok((settings, path)),
        Err(error) => {
            let reason = error.to_string();
            Err(SettingsError::Malformed { path, reason })
        }
    }
}
