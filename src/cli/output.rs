//! Printing: text, JSON or YAML, and colour where a person looks at a terminal.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use super::CliError;
use super::args::Format;
use crate::session::PeerState;

const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// Prints an answer: as text made by `table`, or as its own JSON or YAML.
pub(super) fn answer<T: Serialize>(
    format: Format,
    answer: &T,
    table: impl FnOnce(&T) -> String,
) -> Result<(), CliError> {
    let failed = |error: String| CliError::Output(error);
    match format {
        Format::Table => {
            let text = table(answer);
            print(&if is_coloured() { paint(&text) } else { text })
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(answer);
            print(&(json.map_err(|error| failed(error.to_string()))? + "\n"))
        }
        Format::Yaml => {
            let yaml = serde_yaml::to_string(answer);
            let yaml = yaml.map_err(|error| failed(error.to_string()))?;
            print(&(yaml.trim_end().to_owned() + "\n"))
        }
    }
}

/// Writes a whole text to standard output.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()?;
    Ok(())
}

/// Colour is for terminals, unless NO_COLOR is set to anything (no-color.org).
fn is_coloured() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && std::io::stdout().is_terminal()
}

/// Colours the names of session states, where they stand as words of their own; widths were settled
/// before, so columns stay aligned.
fn paint(text: &str) -> String {
    let mut painted = String::with_capacity(text.len());
    for line in text.lines() {
        let state = PeerState::ALL.into_iter().find_map(|state| {
            let word = format!(" {} ", state.name());
            let at = format!("{line} ").find(&word)? + 1;
            Some((state, at))
        });
        match state {
            Some((state, at)) => {
                let colour = match state {
                    PeerState::Established => GREEN,
                    PeerState::OpenSent | PeerState::OpenConfirm => YELLOW,
                    PeerState::Idle | PeerState::Connect | PeerState::Active => RED,
                };
                let end = at + state.name().len();
                let (before, name, after) = (&line[..at], &line[at..end], &line[end..]);
                painted.push_str(&format!("{before}{colour}{name}{PLAIN}{after}\n"));
            }
            None => {
                painted.push_str(line);
                painted.push('\n');
            }
        }
    }
    painted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_state_of_a_line_is_coloured() {
        let text = "Mesh_a  Established  1m\nGlobal_Idle  Idle\nNAME  STATE\n";
        assert_eq!(
            paint(text),
            "Mesh_a  \x1b[32mEstablished\x1b[0m  1m\nGlobal_Idle  \x1b[31mIdle\x1b[0m\nNAME  STATE\n"
        );
    }
}
