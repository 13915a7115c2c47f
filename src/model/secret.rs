//! Secret: Kubernetes' keeper of passwords (spec/calico.md §3.8).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::metadata::Metadata;
use super::read::{FieldError, Object};
use crate::net::Secret;

/// A Secret of Kubernetes; its values show in no text, and errors about it hide what they found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesSecret {
    /// The name; labels and annotations stay empty, because `kubectl apply` writes a copy of the
    /// data into an annotation.
    pub metadata: Metadata,
    /// `metadata.namespace`; `None` where the document does not say.
    pub namespace: Option<Arc<str>>,
    /// The values, octet for octet, by key.
    pub data: BTreeMap<Arc<str>, Secret>,
}

impl KubernetesSecret {
    /// Reads a Secret.
    pub(super) fn read(root: &Object<'_>) -> Result<Self, FieldError> {
        Self::read_openly(root).map_err(FieldError::without_value)
    }

    fn read_openly(root: &Object<'_>) -> Result<Self, FieldError> {
        let metadata = root.object("metadata")?;
        let mut data = BTreeMap::new();
        for (key, text) in root.text_map("data")? {
            let Some(octets) = decode_base64(&text) else {
                return Err(root.object("data")?.refuse(&key, "base64"));
            };
            data.insert(Arc::from(key), Secret::new(&octets));
        }
        // As in Kubernetes, what is given as text holds over what is given encoded.
        for (key, text) in root.text_map("stringData")? {
            data.insert(Arc::from(key), Secret::new(text.as_bytes()));
        }
        Ok(Self {
            metadata: Metadata {
                name: metadata.required_text("name", "the Secret's name")?.into(),
                labels: BTreeMap::new(),
                annotations: BTreeMap::new(),
            },
            namespace: metadata.text("namespace")?.map(Arc::from),
            data,
        })
    }

    /// What tells one Secret from another: `namespace/name`, or the name where there is no namespace.
    pub fn full_name(&self) -> Arc<str> {
        full_name(self.namespace.as_deref(), &self.metadata.name)
    }
}

/// `namespace/name`, or the name alone.
pub(super) fn full_name(namespace: Option<&str>, name: &str) -> Arc<str> {
    match namespace {
        Some(namespace) => format!("{namespace}/{name}").into(),
        None => name.into(),
    }
}

/// Decodes base64 with padding (RFC 4648 §4); line ends are passed over, as Kubernetes does.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let is_line_end = |octet: &u8| matches!(octet, b'\r' | b'\n');
    let octets: Vec<u8> = text.bytes().filter(|octet| !is_line_end(octet)).collect();
    let quads = octets.chunks_exact(4);
    if !quads.remainder().is_empty() {
        return None;
    }
    let count = quads.len();
    let mut decoded = Vec::with_capacity(count * 3);
    for (index, quad) in quads.enumerate() {
        let padding = quad.iter().rev().take_while(|o| **o == b'=').count();
        if padding > 2 || (padding > 0 && index + 1 != count) {
            return None;
        }
        let digits = quad.iter().take(4 - padding);
        let value = digits.into_iter().try_fold(0_u32, |value, &digit| {
            Some(value << 6 | u32::from(sextet(digit)?))
        })?;
        let [_, triple @ ..] = (value << (6 * padding)).to_be_bytes();
        decoded.extend(triple.into_iter().take(3 - padding));
    }
    Some(decoded)
}

const fn sextet(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{Parsed, Resource, ResourceError, parse};

    const PLANTED: &str = "c0rrect-horse";

    fn document(fields: &Value) -> Value {
        let mut document = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "bgp-secrets", "namespace": "kube-system"},
        });
        for (key, value) in fields.as_object().expect("an object") {
            document[key] = value.clone();
        }
        document
    }

    fn secret(fields: &Value) -> KubernetesSecret {
        match parse(&document(fields)) {
            Ok(Parsed::Resource(Resource::Secret(secret))) => secret,
            other => panic!("not a Secret: {other:?}"),
        }
    }

    fn refused(fields: &Value) -> ResourceError {
        parse(&document(fields)).expect_err("must be refused")
    }

    #[test]
    fn values_are_octets_that_nobody_trims() {
        let found = secret(&json!({
            "data": {"a": "cGFzcwo=", "b": "AP8g", "c": "", "d": "bG9z\nZXI="},
            "stringData": {"c": " x "},
        }));
        let revealed: Vec<&[u8]> = found.data.values().map(Secret::reveal).collect();
        assert_eq!(revealed, [&b"pass\n"[..], b"\0\xff ", b" x ", b"loser"]);
        assert_eq!(&*found.full_name(), "kube-system/bgp-secrets");
    }

    #[test]
    fn errors_name_the_field_and_hide_the_value() {
        for (fields, field) in [
            (json!({"data": {"a": PLANTED}}), "data.a"),
            (json!({"data": {"a": "YQ=a"}}), "data.a"),
            (json!({"data": {"a": [PLANTED]}}), "data.a"),
            (json!({"data": PLANTED}), "data"),
            (json!({"stringData": {"a": {"b": PLANTED}}}), "stringData.a"),
        ] {
            let error = refused(&fields);
            assert_eq!(error.error.field(), field, "{fields}");
            let key = error.key.as_ref().map(ToString::to_string);
            assert_eq!(key.as_deref(), Some("Secret/kube-system/bgp-secrets"));
            assert!(!format!("{error} {error:?}").contains(PLANTED), "{error:?}");
        }
    }

    #[test]
    fn what_kubectl_leaves_in_an_annotation_is_not_kept() {
        let mut document = document(&json!({"stringData": {"a": PLANTED}}));
        document["metadata"]["annotations"] =
            json!({"kubectl.kubernetes.io/last-applied-configuration": PLANTED});
        let found = parse(&document);
        assert!(matches!(found, Ok(Parsed::Resource(_))));
        assert!(!format!("{found:?}").contains(PLANTED));
    }

    #[test]
    fn only_the_core_api_has_secrets() {
        let mut document = document(&json!({}));
        document["apiVersion"] = json!("projectcalico.org/v3");
        assert!(matches!(parse(&document), Ok(Parsed::Unknown { .. })));
    }

    fn encode(octets: &[u8]) -> String {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in octets.chunks(3) {
            let octet = |index| u32::from(chunk.get(index).copied().unwrap_or(0));
            let value = octet(0) << 16 | octet(1) << 8 | octet(2);
            for index in 0..4 {
                let digit = usize::try_from(value >> (18 - 6 * index) & 63).expect("small");
                let is_padding = index > u32::try_from(chunk.len()).expect("small");
                text.push(if is_padding {
                    '='
                } else {
                    DIGITS[digit].into()
                });
            }
        }
        text
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(octets in prop::collection::vec(any::<u8>(), 0..90)) {
            prop_assert_eq!(decode_base64(&encode(&octets)), Some(octets));
        }

        #[test]
        fn decoding_is_total(text in ".*") {
            let _ = decode_base64(&text);
        }
    }
}
