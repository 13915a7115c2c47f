//! ROUTE-REFRESH (RFC 2918) and its demarcation (RFC 7313).

use crate::net::Family;

/// ROUTE-REFRESH as sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteRefresh {
    /// The family; `None` for one that calidris does not carry (ignored).
    pub family: Option<Family>,
    /// Request, or the begin and end marks of an enhanced refresh.
    pub kind: RefreshKind,
}

/// The message's subtype (RFC 7313 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshKind {
    /// A request to advertise again, subtype 0.
    Request,
    /// BoRR, subtype 1.
    Begin,
    /// EoRR, subtype 2.
    End,
    /// Any other subtype: ignored (RFC 7313 §5).
    Unknown(u8),
}
