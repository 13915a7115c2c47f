//! Calico resources as text, and a folder of them that a daemon watches.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder for `--datastore dir:…`; removed when dropped.
pub(crate) struct Resources {
    folder: TempDir,
}

impl Resources {
    pub(crate) fn create() -> io::Result<Self> {
        Ok(Self {
            folder: TempDir::new()?,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes or replaces a file at once, by renaming, as careful writers do.
    pub(crate) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let hidden = self.file(&format!(".{name}.new"));
        fs::write(&hidden, text)?;
        fs::rename(hidden, self.file(name))
    }

    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.file(name))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// `BGPConfiguration` `default`.
pub(crate) fn configuration(as_number: u32, mesh: bool) -> String {
    format!(
        "apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata:
  name: default
spec:
  asNumber: {as_number}
  nodeToNodeMeshEnabled: {mesh}
"
    )
}

/// A `Node` with an address, with its mask, in each family.
pub(crate) fn node(name: &str, ipv4: &str, ipv6: &str) -> String {
    format!(
        "apiVersion: projectcalico.org/v3
kind: Node
metadata:
  name: {name}
spec:
  bgp:
    ipv4Address: {ipv4}
    ipv6Address: {ipv6}
"
    )
}

/// An `IPPool` without encapsulation.
pub(crate) fn pool(name: &str, cidr: &str, block_size: u8) -> String {
    format!(
        "apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: {name}
spec:
  cidr: {cidr}
  blockSize: {block_size}
  ipipMode: Never
  vxlanMode: Never
"
    )
}

/// A confirmed `BlockAffinity`.
pub(crate) fn block(node: &str, cidr: &str) -> String {
    let name = cidr.replace(['.', ':', '/'], "-").replace("--", "-");
    format!(
        "apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata:
  name: {node}-{name}
spec:
  state: confirmed
  node: {node}
  cidr: {cidr}
"
    )
}

/// A `BGPPeer` of one node.
pub(crate) fn peer(name: &str, node: &str, address: &str, as_number: u32) -> String {
    format!(
        "apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: {name}
spec:
  node: {node}
  peerIP: \"{address}\"
  asNumber: {as_number}
"
    )
}

/// One file of several documents.
pub(crate) fn documents(parts: &[String]) -> String {
    parts.join("---\n")
}
