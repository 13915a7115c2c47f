//! The page at `/`: the state at a glance and links to the rest; no script, nothing from elsewhere.

use std::fmt::Write;

use super::answer::{NeighborLine, Summary};
use crate::session::PeerState;

const STYLE: &str = "body{font-family:sans-serif;margin:2em;color:#222}\
table{border-collapse:collapse}td,th{text-align:left;padding:.2em 1em .2em 0;\
border-bottom:1px solid #ddd}td.n{text-align:right}.up{color:#070}.down{color:#b00}";

const LINKS: [&str; 10] = [
    "/api/v1/summary",
    "/api/v1/neighbors",
    "/api/v1/routes",
    "/api/v1/fib",
    "/api/v1/plan",
    "/api/v1/datastore",
    "/api/v1/updategroups",
    "/healthz",
    "/readyz",
    "/metrics",
];

/// Renders the page.
pub(super) fn render(summary: &Summary) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write_page(&mut page, summary);
    page
}

fn write_page(page: &mut String, summary: &Summary) -> std::fmt::Result {
    let node = escape(&summary.node);
    write!(
        page,
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"refresh\" content=\"10\"><title>calidris on {node}</title>\
         <style>{STYLE}</style></head><body><h1>calidris on {node}</h1><p>"
    )?;
    match (summary.router_id, summary.local_as) {
        (Some(router_id), Some(local_as)) => {
            write!(page, "router id {router_id}, AS {local_as}, ")?;
        }
        _ => page.push_str("no plan yet, "),
    }
    let up = summary.neighbors.iter().filter(|line| is_up(line)).count();
    write!(
        page,
        "up since {}, version {}, {}ready, {up} of {} sessions established</p>",
        summary.started,
        escape(&summary.version),
        if summary.readiness.ready { "" } else { "not " },
        summary.neighbors.len(),
    )?;
    page.push_str("<ul>");
    for condition in &summary.readiness.conditions {
        let class = if condition.ok { "up" } else { "down" };
        let (name, detail) = (escape(&condition.name), escape(&condition.detail));
        write!(page, "<li class=\"{class}\">{name}: {detail}</li>")?;
    }
    page.push_str(
        "</ul><table><tr><th>session</th><th>address</th><th>AS</th><th>state</th>\
         <th>since</th><th>received</th><th>accepted</th><th>sent</th><th>last error</th></tr>",
    );
    for line in &summary.neighbors {
        write_line(page, line)?;
    }
    page.push_str("</table><p>");
    for link in LINKS {
        write!(page, "<a href=\"{link}\">{link}</a> ")?;
    }
    page.push_str("</p></body></html>\n");
    Ok(())
}

fn write_line(page: &mut String, line: &NeighborLine) -> std::fmt::Result {
    let name = escape(&line.name);
    let class = if is_up(line) { "up" } else { "down" };
    let prefixes = line.prefixes.unwrap_or_default();
    let error = line.last_error.as_ref();
    write!(
        page,
        "<tr><td><a href=\"/api/v1/neighbors/{name}\">{name}</a></td><td>{}</td><td>{}</td>\
         <td class=\"{class}\">{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
         <td class=\"n\">{}</td><td>{}</td></tr>",
        line.address,
        line.remote_as,
        line.state.name(),
        line.since,
        prefixes.received,
        prefixes.accepted,
        prefixes.advertised,
        error
            .map(|error| escape(&error.message))
            .unwrap_or_default(),
    )
}

fn is_up(line: &NeighborLine) -> bool {
    line.state == PeerState::Established
}

/// Makes text safe inside elements and quoted attributes.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_names_stays_text() {
        assert_eq!(escape("<a href='\"&"), "&lt;a href=&#39;&quot;&amp;");
    }
}
