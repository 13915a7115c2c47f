//! Finds the rooms that a source file names, without a full parser.
//!
//! Comments, doc comments, strings and character literals are dropped; what is left is read as
//! identifiers, `::` and punctuation. Inline modules are followed, so that `super::super::net` is
//! understood wherever it stands.

/// A path from the crate's root: the room named first, and the line where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) room: String,
    pub(crate) line: usize,
}

/// Lists every path of `source` that starts at the crate's root, in order of appearance.
///
/// `module` is the file's own module path: `["rib", "query"]` for `src/rib/query.rs`, empty for
/// `lib.rs` and `main.rs`.
pub(crate) fn references(module: &[String], source: &str) -> Vec<Reference> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    let mut blocks = Blocks::default();
    for at in 0..tokens.len() {
        blocks.step(&tokens, at);
        let starts_path = at == 0 || tokens[at - 1].kind != Kind::Separator;
        let Kind::Word(word) = &tokens[at].kind else {
            continue;
        };
        if !starts_path {
            continue;
        }
        let depth = module.len() + blocks.modules();
        let after_root = match word.as_str() {
            "crate" | "calidris" => Some(at + 1),
            "super" | "self" => past_supers(&tokens, at, depth),
            _ => None,
        };
        if let Some(next) = after_root {
            first_segments(&tokens, next, &mut found);
        }
    }
    found
}

/// Lists the lines, outside test modules, on which one of `sequences` stands as a run of words
/// joined by `::`, such as `Instant::now`.
pub(crate) fn mentions<'a>(source: &str, sequences: &[&'a str]) -> Vec<(&'a str, usize)> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    let mut blocks = Blocks::default();
    for at in 0..tokens.len() {
        blocks.step(&tokens, at);
        if blocks.in_tests() {
            continue;
        }
        for &sequence in sequences {
            if stands_at(&tokens, at, sequence) {
                found.push((sequence, tokens[at].line));
            }
        }
    }
    found
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Word(String),
    Separator,
    Mark(char),
}

#[derive(Debug)]
struct Token {
    kind: Kind,
    line: usize,
}

/// Open braces, each with the name of the inline module that it opens, if any.
#[derive(Default)]
struct Blocks(Vec<Option<String>>);

impl Blocks {
    fn step(&mut self, tokens: &[Token], at: usize) {
        match tokens[at].kind {
            Kind::Mark('{') => self.0.push(module_opened_at(tokens, at)),
            Kind::Mark('}') => drop(self.0.pop()),
            _ => {}
        }
    }

    fn modules(&self) -> usize {
        self.0.iter().flatten().count()
    }

    fn in_tests(&self) -> bool {
        self.0.iter().flatten().any(|name| name == "tests")
    }
}

fn module_opened_at(tokens: &[Token], brace: usize) -> Option<String> {
    let [
        ..,
        Token {
            kind: Kind::Word(keyword),
            ..
        },
        Token {
            kind: Kind::Word(name),
            ..
        },
    ] = &tokens[..brace]
    else {
        return None;
    };
    (keyword == "mod").then(|| name.clone())
}

/// Where the path goes on after `self::super::…`, if that climbs to the crate's root.
fn past_supers(tokens: &[Token], start: usize, depth: usize) -> Option<usize> {
    let mut at = start;
    let mut climbed = 0;
    while let Some(Token {
        kind: Kind::Word(word),
        ..
    }) = tokens.get(at)
    {
        match word.as_str() {
            "super" => climbed += 1,
            "self" => {}
            _ => break,
        }
        if tokens.get(at + 1).map(|token| &token.kind) != Some(&Kind::Separator) {
            return None;
        }
        at += 2;
    }
    // One separator back: the caller expects it next.
    (climbed > 0 && climbed == depth).then(|| at - 1)
}

/// Collects the first segment after `crate`, or those of each branch of `crate::{…}`.
fn first_segments(tokens: &[Token], separator: usize, found: &mut Vec<Reference>) {
    if tokens.get(separator).map(|token| &token.kind) != Some(&Kind::Separator) {
        return;
    }
    let Some(next) = tokens.get(separator + 1) else {
        return;
    };
    match &next.kind {
        Kind::Word(room) => found.push(Reference {
            room: room.clone(),
            line: next.line,
        }),
        Kind::Mark('{') => branches(&tokens[separator + 2..], found),
        Kind::Mark(mark) => found.push(Reference {
            room: mark.to_string(),
            line: next.line,
        }),
        Kind::Separator => {}
    }
}

fn branches(tokens: &[Token], found: &mut Vec<Reference>) {
    let mut depth = 0;
    let mut expecting = true;
    for token in tokens {
        match &token.kind {
            Kind::Mark('{') => depth += 1,
            Kind::Mark('}') if depth == 0 => return,
            Kind::Mark('}') => depth -= 1,
            Kind::Mark(',') if depth == 0 => expecting = true,
            Kind::Word(room) if expecting && depth == 0 => {
                found.push(Reference {
                    room: room.clone(),
                    line: token.line,
                });
                expecting = false;
            }
            _ => {}
        }
    }
}

fn stands_at(tokens: &[Token], at: usize, sequence: &str) -> bool {
    let mut position = at;
    for (index, wanted) in sequence.split("::").enumerate() {
        if index > 0 {
            if tokens.get(position).map(|token| &token.kind) != Some(&Kind::Separator) {
                return false;
            }
            position += 1;
        }
        match tokens.get(position).map(|token| &token.kind) {
            Some(Kind::Word(word)) if word == wanted => position += 1,
            _ => return false,
        }
    }
    true
}

fn tokens(source: &str) -> Vec<Token> {
    let mut reader = Reader {
        rest: source,
        line: 1,
    };
    let mut tokens = Vec::new();
    while let Some(next) = reader.rest.chars().next() {
        let line = reader.line;
        if reader.rest.starts_with("//") {
            reader.take_while(|c| c != '\n');
        } else if reader.rest.starts_with("/*") {
            reader.block_comment();
        } else if let Some(hashes) = raw_string(reader.rest) {
            reader.take(reader.rest.find('"').map_or(0, |quote| quote + 1));
            reader.take_past(&format!("\"{}", "#".repeat(hashes)));
        } else if next == '"' {
            reader.string();
        } else if next == '\'' {
            reader.character_or_lifetime();
        } else if next.is_alphanumeric() || next == '_' {
            let word = reader
                .take_while(|c| c.is_alphanumeric() || c == '_')
                .to_owned();
            tokens.push(Token {
                kind: Kind::Word(word),
                line,
            });
        } else if reader.rest.starts_with("::") {
            reader.take(2);
            tokens.push(Token {
                kind: Kind::Separator,
                line,
            });
        } else {
            reader.take(next.len_utf8());
            if !next.is_whitespace() {
                tokens.push(Token {
                    kind: Kind::Mark(next),
                    line,
                });
            }
        }
    }
    tokens
}

/// The number of hashes if a raw string (`r"…"`, `br#"…"#`) starts here.
fn raw_string(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let after = body.trim_start_matches('#');
    after.starts_with('"').then_some(body.len() - after.len())
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn take_past(&mut self, end: &str) {
        let bytes = self
            .rest
            .find(end)
            .map_or(self.rest.len(), |at| at + end.len());
        self.take(bytes);
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while !self.rest.is_empty() {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.take(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.take(2);
                if depth == 0 {
                    return;
                }
            } else {
                let next = self.rest.chars().next().map_or(0, char::len_utf8);
                self.take(next);
            }
        }
    }

    fn string(&mut self) {
        let mut escaped = true; // the opening quote does not close the string
        let mut bytes = 0;
        for c in self.rest.chars() {
            bytes += c.len_utf8();
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => break,
                _ => {}
            }
        }
        self.take(bytes);
    }

    fn character_or_lifetime(&mut self) {
        let mut after = self.rest.chars().skip(1);
        match (after.next(), after.next()) {
            (Some('\\'), Some(escaped)) => {
                self.take(2 + escaped.len_utf8());
                self.take_past("'");
            }
            (Some(plain), Some('\'')) => drop(self.take(2 + plain.len_utf8())),
            _ => drop(self.take(1)),
        }
    }
}
