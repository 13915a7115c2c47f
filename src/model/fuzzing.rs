//! The body of the fuzz target that reads selectors, so that stable tests run it over the corpus.

use std::collections::BTreeMap;

use super::selector::Selector;

/// The first line of a text is a selector, if it is one; the others are labels, `name=value`. What is
/// read is written back to the same, and a selector and its opposite never agree.
pub fn selector(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let labels: BTreeMap<String, String> = rest
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(label, value)| (label.to_owned(), value.to_owned()))
        .collect();
    match Selector::parse(first) {
        Ok(selector) => {
            let is_selected = selector.matches(&labels);
            let written = selector.to_string();
            // Written out, one that is at the limits may be beyond them.
            if let Ok(again) = Selector::parse(&written) {
                assert_eq!(again, selector, "{written}");
            }
            if let Ok(opposite) = Selector::parse(&format!("!({first})")) {
                assert_ne!(opposite.matches(&labels), is_selected, "{first}");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::testing::{Seeds, check_corpus};

    fn seeds() -> Seeds {
        let nested = format!("{}has(a){}", "(".repeat(50), ")".repeat(50));
        let texts = [
            (
                "reflectors",
                "route-reflector == 'true'\nroute-reflector=true",
            ),
            (
                "clients",
                "!has(route-reflector) && rack in {'r1', \"r2\"}\nrack=r2",
            ),
            (
                "not-in",
                "zone not in {'a','b',} || kubernetes.io/os != 'linux'\nzone=c",
            ),
            (
                "parts",
                "a contains 'x' && b starts with 'y' && c ends with \"z'\"\na=axa\nb=y\nc=z'",
            ),
            ("all", "all() || !global()"),
            (
                "words",
                "in in {} || not notin {'in'} || has == '' || all != 'x'\nin=\nall=x",
            ),
            ("bangs", "!!!(!has(a) || !!(has(b)))\na=\nb="),
            ("nested", &nested),
            ("cut", "a == 'x"),
            ("one-equals", "rack = 'r7'"),
            ("letters", "ä == 'ö' || b contains 'ü'\nb=ü"),
        ];
        texts.map(|(name, text)| (name, text.into())).into()
    }

    #[test]
    fn the_corpus_does_no_harm() {
        check_corpus("selector", seeds(), selector);
    }
}
