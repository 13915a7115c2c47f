//! Routes of protocol `bird` in a namespace, read with iproute2.

use std::collections::BTreeMap;
use std::io;

use serde_json::Value;

use super::namespace::Namespace;

/// A route of protocol `bird`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KernelRoute {
    /// `unicast`, `blackhole` or `unreachable`.
    pub(crate) kind: String,
    /// Gateways, sorted.
    pub(crate) gateways: Vec<String>,
    /// The metric; `None` where the kernel prints none.
    pub(crate) metric: Option<u64>,
}

/// All routes of protocol `bird` in the main tables of both families, by prefix.
pub(crate) fn read(namespace: &Namespace) -> io::Result<BTreeMap<String, KernelRoute>> {
    let mut routes = BTreeMap::new();
    for family in ["-4", "-6"] {
        let text = namespace.ip(&format!("{family} -json route show table main proto bird"))?;
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
        for row in &rows {
            let prefix = row["dst"].as_str().unwrap_or_default().to_owned();
            routes.insert(prefix, route(row));
        }
    }
    Ok(routes)
}

fn route(row: &Value) -> KernelRoute {
    let hops = row["nexthops"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![row.clone()]);
    let mut gateways: Vec<String> = hops
        .iter()
        .filter_map(|hop| hop["gateway"].as_str().map(str::to_owned))
        .collect();
    gateways.sort();
    KernelRoute {
        kind: row["type"].as_str().unwrap_or("unicast").to_owned(),
        gateways,
        metric: row["metric"].as_u64(),
    }
}
