//! Calico's selector expressions (spec/calico.md §2.8), parsed once and matched against labels often.
//!
//! ```text
//! selector    = all of "||" over conjunctions; empty text selects everything
//! conjunction = all of "&&" over terms
//! term        = {"!"} ( "(" selector ")" | "all()" | "global()" | "has(" label ")" | comparison )
//! comparison  = label ( "==" text | "!=" text | ["not"] "in" "{" [text {"," text} [","]] "}"
//!                     | "contains" text | "starts with" text | "ends with" text )
//! ```
//!
//! Texts stand in single or double quotes and know no escapes. A label that is absent differs from
//! everything: `!=` and `not in` hold for it, all other comparisons do not. Selectors that say the
//! same in the same order are equal, however they are spaced and quoted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The most characters of a selector, as Calico's API has it.
const CHARS_MAX: usize = 1024;
/// How deep parentheses may be nested: parsing and matching recurse as deep.
const NESTING_MAX: usize = 50;
/// Characters of the rest that an error shows.
const SHOWN_CHARS_MAX: usize = 20;

/// A selector.
///
/// ```
/// use calidris::model::Selector;
///
/// let selector = Selector::parse("rack in {'r1', 'r2'} && !has(spare)").expect("it is one");
/// let labels = [("rack".to_owned(), "r2".to_owned())].into();
/// assert!(selector.matches(&labels));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector(Expression);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Expression {
    All,
    Has(Arc<str>),
    Compare(Arc<str>, Comparison),
    Not(Box<Self>),
    /// Two or more.
    And(Vec<Self>),
    /// Two or more.
    Or(Vec<Self>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Comparison {
    Equals(Arc<str>),
    Differs(Arc<str>),
    In(BTreeSet<Arc<str>>),
    NotIn(BTreeSet<Arc<str>>),
    Contains(Arc<str>),
    StartsWith(Arc<str>),
    EndsWith(Arc<str>),
}

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Something else should stand there.
    #[error("at character {at} there should be {expected}, not {found}")]
    Unexpected {
        /// The place, in characters from 1.
        at: usize,
        /// What should stand there.
        expected: &'static str,
        /// What stands there, cut where it is long.
        found: String,
    },
    /// Parentheses are nested too deep.
    #[error("at character {at} parentheses are nested more than {NESTING_MAX} deep")]
    TooDeep {
        /// The place, in characters from 1.
        at: usize,
    },
    /// It is too long.
    #[error("it has {chars} characters, and {CHARS_MAX} are allowed")]
    TooLong {
        /// How many it has.
        chars: usize,
    },
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// [`SelectorError`], with the place of the fault.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let chars = text.chars().count();
        if chars > CHARS_MAX {
            return Err(SelectorError::TooLong { chars });
        }
        let mut parser = Parser { text, rest: text };
        if parser.is_at_end() {
            return Ok(Self(Expression::All));
        }
        let expression = parser.alternatives(0)?;
        if parser.is_at_end() {
            Ok(Self(expression))
        } else {
            Err(parser.unexpected("&&, || or the end"))
        }
    }

    /// Whether something with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.holds(labels)
    }
}

impl Expression {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::All => true,
            Self::Has(label) => labels.contains_key(&**label),
            Self::Compare(label, comparison) => {
                comparison.holds(labels.get(&**label).map(String::as_str))
            }
            Self::Not(inner) => !inner.holds(labels),
            Self::And(all) => all.iter().all(|one| one.holds(labels)),
            Self::Or(any) => any.iter().any(|one| one.holds(labels)),
        }
    }

    fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }
}

impl Comparison {
    fn holds(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Differs(_) | Self::NotIn(_), None) => true,
            (_, None) => false,
            (Self::Equals(text), Some(value)) => **text == *value,
            (Self::Differs(text), Some(value)) => **text != *value,
            (Self::In(set), Some(value)) => set.contains(value),
            (Self::NotIn(set), Some(value)) => !set.contains(value),
            (Self::Contains(text), Some(value)) => value.contains(&**text),
            (Self::StartsWith(text), Some(value)) => value.starts_with(&**text),
            (Self::EndsWith(text), Some(value)) => value.ends_with(&**text),
        }
    }
}

/// What is left to read of a selector.
struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

const COMPARISONS: &str =
    "a comparison (==, !=, in, not in, contains, starts with or ends with) after the label";
const TERM: &str = "a label, has(LABEL), all(), ! or (";
const TEXT: &str = "a text in quotes";

impl<'a> Parser<'a> {
    fn alternatives(&mut self, depth: usize) -> Result<Expression, SelectorError> {
        let first = self.conjunction(depth)?;
        let mut any = vec![first];
        while self.eat("||") {
            any.push(self.conjunction(depth)?);
        }
        Ok(one_or(any, Expression::Or))
    }

    fn conjunction(&mut self, depth: usize) -> Result<Expression, SelectorError> {
        let first = self.term(depth)?;
        let mut all = vec![first];
        while self.eat("&&") {
            all.push(self.term(depth)?);
        }
        Ok(one_or(all, Expression::And))
    }

    fn term(&mut self, depth: usize) -> Result<Expression, SelectorError> {
        let mut is_negated = false;
        while self.eat("!") {
            is_negated = !is_negated;
        }
        let expression = if self.eat("(") {
            if depth == NESTING_MAX {
                return Err(SelectorError::TooDeep { at: self.at() });
            }
            let inner = self.alternatives(depth + 1)?;
            self.expect(")", "&&, || or )")?;
            inner
        } else {
            self.labelled()?
        };
        Ok(if is_negated {
            expression.negated()
        } else {
            expression
        })
    }

    fn labelled(&mut self) -> Result<Expression, SelectorError> {
        let label = self.word().ok_or_else(|| self.unexpected(TERM))?;
        match label {
            "all" | "global" if self.eat("(") => {
                self.expect(")", ")")?;
                Ok(Expression::All)
            }
            "has" if self.eat("(") => {
                let label = self.word().ok_or_else(|| self.unexpected("a label"))?;
                self.expect(")", ")")?;
                Ok(Expression::Has(label.into()))
            }
            label => Ok(Expression::Compare(label.into(), self.comparison()?)),
        }
    }

    fn comparison(&mut self) -> Result<Comparison, SelectorError> {
        if self.eat("==") {
            return Ok(Comparison::Equals(self.quoted()?));
        }
        if self.eat("!=") {
            return Ok(Comparison::Differs(self.quoted()?));
        }
        let before = self.rest;
        match self.word() {
            Some("in") => return Ok(Comparison::In(self.set()?)),
            Some("notin") => return Ok(Comparison::NotIn(self.set()?)),
            Some("contains") => return Ok(Comparison::Contains(self.quoted()?)),
            Some("startswith") => return Ok(Comparison::StartsWith(self.quoted()?)),
            Some("endswith") => return Ok(Comparison::EndsWith(self.quoted()?)),
            Some("not") if self.word() == Some("in") => return Ok(Comparison::NotIn(self.set()?)),
            Some("starts") if self.word() == Some("with") => {
                return Ok(Comparison::StartsWith(self.quoted()?));
            }
            Some("ends") if self.word() == Some("with") => {
                return Ok(Comparison::EndsWith(self.quoted()?));
            }
            _ => {}
        }
        self.rest = before;
        Err(self.unexpected(COMPARISONS))
    }

    fn set(&mut self) -> Result<BTreeSet<Arc<str>>, SelectorError> {
        self.expect("{", "{ and texts in quotes")?;
        let mut texts = BTreeSet::new();
        while !self.eat("}") {
            texts.insert(self.quoted()?);
            if !self.eat(",") {
                self.expect("}", ", or }")?;
                break;
            }
        }
        Ok(texts)
    }

    fn quoted(&mut self) -> Result<Arc<str>, SelectorError> {
        self.skip_space();
        let quote = self.rest.chars().next();
        let found = quote
            .filter(|quote| matches!(quote, '\'' | '"'))
            .and_then(|quote| self.rest.get(1..)?.split_once(quote));
        let Some((text, rest)) = found else {
            return Err(self.unexpected(TEXT));
        };
        self.rest = rest;
        Ok(text.into())
    }

    /// The characters that labels are made of, and the words between them too.
    fn word(&mut self) -> Option<&'a str> {
        self.skip_space();
        let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
        let end = self.rest.find(|c| !is_inside(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str, expected: &'static str) -> Result<(), SelectorError> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.rest.is_empty()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn at(&self) -> usize {
        let left = self.rest.chars().count();
        self.text.chars().count() - left + 1
    }

    fn unexpected(&self, expected: &'static str) -> SelectorError {
        let shown: String = self.rest.chars().take(SHOWN_CHARS_MAX).collect();
        let found = match (shown.is_empty(), shown.len() < self.rest.len()) {
            (true, _) => "the end".to_owned(),
            (false, true) => format!("`{shown}…`"),
            (false, false) => format!("`{shown}`"),
        };
        SelectorError::Unexpected {
            at: self.at(),
            expected,
            found,
        }
    }
}

fn one_or(mut several: Vec<Expression>, of: fn(Vec<Expression>) -> Expression) -> Expression {
    match several.pop() {
        Some(only) if several.is_empty() => only,
        last => {
            several.extend(last);
            of(several)
        }
    }
}

impl fmt::Display for Selector {
    /// The selector as one would write it; what is read back from that is equal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all()"),
            Self::Has(label) => write!(f, "has({label})"),
            Self::Compare(label, comparison) => write!(f, "{label} {comparison}"),
            Self::Not(inner) => {
                f.write_str("!")?;
                inner.fmt_within(f)
            }
            Self::And(all) => fmt_joined(f, all, " && "),
            Self::Or(any) => fmt_joined(f, any, " || "),
        }
    }
}

impl Expression {
    fn fmt_within(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(_) | Self::Or(_) => write!(f, "({self})"),
            Self::All | Self::Has(_) | Self::Compare(..) | Self::Not(_) => write!(f, "{self}"),
        }
    }
}

fn fmt_joined(f: &mut fmt::Formatter<'_>, parts: &[Expression], between: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        part.fmt_within(f)?;
    }
    Ok(())
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No text holds the kind of quotes that it was read from.
        let quoted = |text: &Arc<str>| {
            let quote = if text.contains('\'') { '"' } else { '\'' };
            format!("{quote}{text}{quote}")
        };
        let listed = |set: &BTreeSet<Arc<str>>| {
            let texts: Vec<String> = set.iter().map(quoted).collect();
            texts.join(", ")
        };
        match self {
            Self::Equals(text) => write!(f, "== {}", quoted(text)),
            Self::Differs(text) => write!(f, "!= {}", quoted(text)),
            Self::In(set) => write!(f, "in {{{}}}", listed(set)),
            Self::NotIn(set) => write!(f, "not in {{{}}}", listed(set)),
            Self::Contains(text) => write!(f, "contains {}", quoted(text)),
            Self::StartsWith(text) => write!(f, "starts with {}", quoted(text)),
            Self::EndsWith(text) => write!(f, "ends with {}", quoted(text)),
        }
    }
}

#[cfg(test)]
mod tests;
