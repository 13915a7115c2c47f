//! Long listings, streamed page by page: routes, and the kernel's routes.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;
use tokio::sync::mpsc;

use super::PAGE_DESTINATIONS;
use super::answer::GroupsAnswer;
use super::api::{ApiError, ApiResult, ok, respond};
use super::body::ResponseBody;
use super::explain::longest_match;
use super::params::{PLACE, Params, Place};
use super::view::Views;
use crate::fib::FibRow;
use crate::net::{Family, Prefix};
use crate::rib::{RouteTable, RoutesPage, RoutesQuery};

/// `GET /api/v1/routes?prefix=P&longer&received=NAME&advertised=NAME&family=F`.
pub(super) async fn routes(views: &Views, query: Option<&str>) -> ApiResult {
    let allowed = ["prefix", "longer", "received", "advertised", "family"];
    let params = Params::parse(query, &allowed)?;
    let (place, families) = place(&params)?;
    let longer = params.switch("longer")?;
    let table = table(views, &params)?;
    let prefix = match place {
        Some(Place::Address(address)) if !longer => {
            // Where nothing contains it, the address itself is listed: in vain.
            let found = longest_match(views, table, address).await?;
            Some(found.unwrap_or_else(|| Prefix::host(address)))
        }
        place => place.map(Place::prefix),
    };
    let mut queries: VecDeque<RoutesQuery> = families
        .into_iter()
        .map(|family| RoutesQuery {
            table,
            family,
            prefix,
            longer,
            start: 0,
            limit: PAGE_DESTINATIONS,
        })
        .collect();
    // The first page is asked for before the response begins, so that a routing table which does not
    // answer shows in the status.
    let first = next_page(views, &mut queries).await?;
    let (sender, body) = ResponseBody::pages();
    let views = views.clone();
    tokio::spawn(async move {
        let mut listing = Listing::begin(sender);
        let mut page = Some(first);
        while let Some(rows) = page {
            if listing.rows(&rows.rows).await.is_err() {
                return;
            }
            page = match queries.is_empty() {
                true => None,
                false => match next_page(&views, &mut queries).await {
                    Ok(page) => Some(page),
                    Err(error) => return listing.fail(&error.to_string()).await,
                },
            };
        }
        listing.end().await;
    });
    Ok(respond(StatusCode::OK, "application/json", body))
}

/// `GET /api/v1/fib?prefix=P&longer&family=F`.
pub(super) async fn fib(views: &Views, query: Option<&str>) -> ApiResult {
    let params = Params::parse(query, &["prefix", "longer", "family"])?;
    let (place, families) = place(&params)?;
    let longer = params.switch("longer")?;
    let mut rows = views.kernel_rows().await?;
    let prefix = match place {
        Some(Place::Address(address)) if !longer => {
            let contain = rows.iter().map(|row| row.prefix);
            let contain = contain.filter(|prefix| prefix.contains_address(address));
            let found = contain.max_by_key(Prefix::length);
            Some(found.unwrap_or_else(|| Prefix::host(address)))
        }
        place => place.map(Place::prefix),
    };
    rows.retain(|row: &FibRow| {
        families.contains(&row.prefix.family())
            && prefix.is_none_or(|prefix| match longer {
                true => prefix.contains(&row.prefix),
                false => prefix == row.prefix,
            })
    });
    let (sender, body) = ResponseBody::pages();
    tokio::spawn(async move {
        let mut listing = Listing::begin(sender);
        for page in rows.chunks(PAGE_DESTINATIONS as usize) {
            if listing.rows(page).await.is_err() {
                return;
            }
        }
        listing.end().await;
    });
    Ok(respond(StatusCode::OK, "application/json", body))
}

/// `GET /api/v1/updategroups?member=NAME&family=F`.
pub(super) async fn groups(views: &Views, query: Option<&str>) -> ApiResult {
    let params = Params::parse(query, &["member", "family"])?;
    let family = family(&params)?;
    let member = match params.text("member") {
        Some(name) => match views.session(name) {
            Some(view) => Some(view),
            None => return Err(ApiError::no_neighbor(name, Some("member"))),
        },
        None => None,
    };
    let mut groups = views.groups().await?;
    groups.retain(|group| {
        let is_member = |name: &str| group.members.iter().any(|member| **member == *name);
        family.is_none_or(|family| group.family == family)
            && member.as_ref().is_none_or(|view| is_member(&view.name))
    });
    Ok(ok(&GroupsAnswer { groups }))
}

fn family(params: &Params) -> Result<Option<Family>, ApiError> {
    params.value("family", "ipv4 or ipv6", |text| {
        Family::ALL.into_iter().find(|family| family.name() == text)
    })
}

/// The place and the families to list.
fn place(params: &Params) -> Result<(Option<Place>, Vec<Family>), ApiError> {
    let place = params.value("prefix", PLACE, |text| text.parse::<Place>().ok())?;
    let of_place = place.map(|place| place.prefix().family());
    let family = family(params)?;
    match (of_place, family) {
        (Some(found), Some(family)) if found != family => {
            let reason = format!("is {family}, but the prefix is {found}");
            Err(ApiError::parameter("family", &reason))
        }
        (Some(found), _) => Ok((place, vec![found])),
        (None, Some(family)) => Ok((None, vec![family])),
        (None, None) => Ok((None, Family::ALL.to_vec())),
    }
}

fn table(views: &Views, params: &Params) -> Result<RouteTable, ApiError> {
    let peer = |name: &str, field| match views.session(name) {
        Some(view) => Ok(view.id),
        None => Err(ApiError::no_neighbor(name, Some(field))),
    };
    match (params.text("received"), params.text("advertised")) {
        (None, None) => Ok(RouteTable::Loc),
        (Some(name), None) => Ok(RouteTable::Received(peer(name, "received")?)),
        (None, Some(name)) => Ok(RouteTable::Advertised(peer(name, "advertised")?)),
        (Some(_), Some(_)) => Err(ApiError::parameter(
            "advertised",
            "excludes parameter received",
        )),
    }
}

/// Asks for the next page and moves the queries on.
async fn next_page(
    views: &Views,
    queries: &mut VecDeque<RoutesQuery>,
) -> Result<RoutesPage, super::view::QueryError> {
    let Some(query) = queries.front_mut() else {
        return Ok(RoutesPage::default());
    };
    let page = views.routes(query.clone()).await?;
    match page.next {
        Some(start) => query.start = start,
        None => drop(queries.pop_front()),
    }
    Ok(page)
}

/// A JSON object with one array, `routes`, written as its rows come.
struct Listing {
    sender: mpsc::Sender<io::Result<Bytes>>,
    text: Vec<u8>,
    empty: bool,
}

/// The reader has gone.
struct Gone;

impl Listing {
    fn begin(sender: mpsc::Sender<io::Result<Bytes>>) -> Self {
        Self {
            sender,
            text: b"{\"routes\":[".to_vec(),
            empty: true,
        }
    }

    async fn rows(&mut self, rows: &[impl Serialize]) -> Result<(), Gone> {
        for row in rows {
            if !std::mem::take(&mut self.empty) {
                self.text.push(b',');
            }
            if let Err(error) = serde_json::to_writer(&mut self.text, row) {
                self.send(Err(io::Error::other(error))).await?;
                return Err(Gone);
            }
        }
        self.flush().await
    }

    async fn end(mut self) {
        self.text.extend_from_slice(b"]}");
        // A reader that has gone needs no end.
        let _ = self.flush().await;
    }

    async fn fail(self, reason: &str) {
        let _ = self.send(Err(io::Error::other(reason.to_owned()))).await;
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        let page = std::mem::take(&mut self.text);
        if page.is_empty() {
            return Ok(());
        }
        self.send(Ok(page.into())).await
    }

    async fn send(&self, page: io::Result<Bytes>) -> Result<(), Gone> {
        self.sender.send(page).await.map_err(|_| Gone)
    }
}
