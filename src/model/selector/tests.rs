use proptest::prelude::*;

use super::*;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(label, value): &(&str, &str)| ((*label).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn parsed(text: &str) -> Selector {
    Selector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_form_selects_what_calico_selects() {
    let node = labels(&[
        ("rack", "r7"),
        ("kubernetes.io/os", "linux"),
        ("route-reflector", "true"),
        ("in", "side"),
    ]);
    let cases = [
        ("", true),
        ("  ", true),
        ("all()", true),
        ("global( )", true),
        ("!all()", false),
        ("has(rack)", true),
        ("has( zone )", false),
        ("!has(zone)", true),
        ("rack == 'r7'", true),
        ("rack==\"r7\"", true),
        ("rack != 'r7'", false),
        ("zone == ''", false),
        ("zone != 'a'", true),
        ("rack in {'r6', \"r7\"}", true),
        ("rack in{'r7',}", true),
        ("rack in {}", false),
        ("rack not in {'r6'}", true),
        ("rack notin {'r7'}", false),
        ("zone not in {'a'}", true),
        ("zone in {'a'}", false),
        ("rack contains '7'", true),
        ("zone contains ''", false),
        ("rack starts with 'r'", true),
        ("rack startswith '7'", false),
        ("rack ends with '7'", true),
        ("rack endswith 'r'", false),
        ("kubernetes.io/os == 'linux'", true),
        ("in in {'side'}", true),
        ("all == 'x' || global != 'x'", true),
        ("has(a) && has(b) || has(rack)", true),
        ("has(rack) || has(a) && has(b)", true),
        ("(has(rack) || has(a)) && has(b)", false),
        ("!(has(a) || !has(rack))", true),
        ("!!has(rack)", true),
        ("!rack == 'r6'", true),
    ];
    for (text, is_selected) in cases {
        assert_eq!(parsed(text).matches(&node), is_selected, "{text}");
    }
}

#[test]
fn a_bad_selector_is_refused_with_the_place_and_what_should_stand_there() {
    let cases = [
        (
            "rack = 'r7'",
            "at character 6 there should be a comparison (==, !=, in, not in, contains, starts \
             with or ends with) after the label, not `= 'r7'`",
        ),
        (
            "rack == r7",
            "at character 9 there should be a text in quotes, not `r7`",
        ),
        (
            "rack == 'r7",
            "at character 9 there should be a text in quotes, not `'r7`",
        ),
        ("has(rack", "at character 9 there should be ), not the end"),
        (
            "has(rack) has(zone)",
            "at character 11 there should be &&, || or the end, not `has(zone)`",
        ),
        (
            "(has(a)",
            "at character 8 there should be &&, || or ), not the end",
        ),
        ("has(ä)", "at character 5 there should be a label, not `ä)`"),
        (
            "&& has(a)",
            "at character 1 there should be a label, has(LABEL), all(), ! or (, not `&& has(a)`",
        ),
        (
            "rack in {'a' 'b'}",
            "at character 14 there should be , or }, not `'b'}`",
        ),
        (
            "rack in 'a'",
            "at character 9 there should be { and texts in quotes, not `'a'`",
        ),
        (
            "rack starts 'a' and much more of it",
            "at character 6 there should be a comparison (==, !=, in, not in, contains, starts \
             with or ends with) after the label, not `starts 'a' and much …`",
        ),
    ];
    for (text, message) in cases {
        let error = Selector::parse(text).expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn length_and_depth_are_bounded() {
    let nested = |depth| format!("{}has(a){}", "(".repeat(depth), ")".repeat(depth));
    assert!(Selector::parse(&nested(NESTING_MAX)).is_ok());
    assert_eq!(
        Selector::parse(&nested(NESTING_MAX + 1)),
        Err(SelectorError::TooDeep {
            at: NESTING_MAX + 2
        })
    );
    let of_length = |chars: usize| format!("a == '{}'", "ä".repeat(chars - 7));
    assert!(Selector::parse(&of_length(CHARS_MAX)).is_ok());
    assert_eq!(
        Selector::parse(&of_length(CHARS_MAX + 1)),
        Err(SelectorError::TooLong {
            chars: CHARS_MAX + 1
        })
    );
    assert!(Selector::parse(&"!".repeat(CHARS_MAX)).is_err());
}

#[test]
fn spelling_makes_no_difference() {
    assert_eq!(
        parsed("a=='x'&&(b in{\"z\",'y'})"),
        parsed(" a == \"x\"\t&& b in { 'y', 'z', } ")
    );
    assert_ne!(parsed("has(a) && has(b)"), parsed("has(b) && has(a)"));
}

fn any_label() -> impl Strategy<Value = Arc<str>> {
    prop_oneof!["[a-c]", "[A-Za-z0-9_./-]{1,12}"].prop_map(Arc::from)
}

/// Texts as they can be written: not with both kinds of quotes.
fn any_text() -> impl Strategy<Value = Arc<str>> {
    prop_oneof!["[xy]{0,2}", "[^']{0,12}", "[^\"]{0,12}"].prop_map(Arc::from)
}

fn any_comparison() -> impl Strategy<Value = Comparison> {
    let set = || prop::collection::btree_set(any_text(), 0..4);
    prop_oneof![
        any_text().prop_map(Comparison::Equals),
        any_text().prop_map(Comparison::Differs),
        set().prop_map(Comparison::In),
        set().prop_map(Comparison::NotIn),
        any_text().prop_map(Comparison::Contains),
        any_text().prop_map(Comparison::StartsWith),
        any_text().prop_map(Comparison::EndsWith),
    ]
}

fn any_expression() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        Just(Expression::All),
        any_label().prop_map(Expression::Has),
        (any_label(), any_comparison()).prop_map(|(label, how)| Expression::Compare(label, how)),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        let several = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.clone().prop_map(Expression::negated),
            several().prop_map(Expression::And),
            several().prop_map(Expression::Or),
        ]
    })
}

fn any_labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[a-c]", "[xy]{0,2}", 0..4)
}

/// The grammar's meaning said another way: by the set of labels that fulfil a comparison.
fn is_selected(expression: &Expression, labels: &BTreeMap<String, String>) -> bool {
    match expression {
        Expression::All => true,
        Expression::Has(label) => labels.keys().any(|key| **key == **label),
        Expression::Compare(label, comparison) => {
            let value = labels.get(&**label);
            let some = |test: &dyn Fn(&str) -> bool| value.is_some_and(|value| test(value));
            match comparison {
                Comparison::Equals(text) => some(&|value| value == &**text),
                Comparison::Differs(text) => !some(&|value| value == &**text),
                Comparison::In(set) => some(&|value| set.iter().any(|text| value == &**text)),
                Comparison::NotIn(set) => !some(&|value| set.iter().any(|text| value == &**text)),
                Comparison::Contains(text) => some(&|value| value.find(&**text).is_some()),
                Comparison::StartsWith(text) => {
                    some(&|value| value.strip_prefix(&**text).is_some())
                }
                Comparison::EndsWith(text) => some(&|value| value.strip_suffix(&**text).is_some()),
            }
        }
        Expression::Not(inner) => !is_selected(inner, labels),
        Expression::And(all) => all.iter().filter(|one| !is_selected(one, labels)).count() == 0,
        Expression::Or(any) => any.iter().filter(|one| is_selected(one, labels)).count() > 0,
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(expression in any_expression()) {
        let text = expression.to_string();
        prop_assume!(text.chars().count() <= CHARS_MAX);
        prop_assert_eq!(Selector::parse(&text), Ok(Selector(expression)), "{}", text);
    }

    #[test]
    fn matching_means_what_the_grammar_says(
        expression in any_expression(),
        labels in any_labels(),
    ) {
        let expected = is_selected(&expression, &labels);
        prop_assert_eq!(Selector(expression).matches(&labels), expected);
    }

    #[test]
    fn no_text_is_too_strange(text in "\\PC*", labels in any_labels()) {
        if let Ok(selector) = Selector::parse(&text) {
            selector.matches(&labels);
        }
    }

    #[test]
    fn nor_one_made_of_the_right_pieces(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "a", "'x'", "\"y\"", "==", "!=", "!", "(", ")", "{", "}", ",", "&&", "||", "in",
                "not", "has(", "all()", "starts", "with", "contains", " ", "'", "=", "&", "ä",
            ]),
            0..30,
        ),
        labels in any_labels(),
    ) {
        if let Ok(selector) = Selector::parse(&pieces.concat()) {
            selector.matches(&labels);
            let again = Selector::parse(&selector.to_string());
            prop_assert_eq!(again, Ok(selector));
        }
    }
}
