//! The other side of a session, as bytes.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::net::{Asn, PerFamily, RouterId, Secret};
use crate::session::testing::{SocketTerms, dialler, listener_with_key};
use crate::wire::{Capabilities, Framer, HoldTime, KEEPALIVE, Open};

pub(super) const ROUTE_REFRESH: u8 = 5;
const UPDATE: u8 = 2;
const NOTIFICATION: u8 = 3;

/// How long anything may take that ends well.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a dial may take that nobody answers.
const NO_ANSWER: Duration = Duration::from_secs(3);

/// A listener that demands a key from one peer, and its port.
pub(super) fn listen_with_key(local: [u8; 4], peer: IpAddr, key: &str) -> (TcpListener, u16) {
    let socket = listener_with_key(local.into(), peer, &Secret::new(key.as_bytes()));
    let listener = TcpListener::from_std(socket.into()).expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

/// A part of an UPDATE.
#[derive(Clone, Copy, Debug)]
pub(super) enum Run {
    Withdrawn,
    Announced,
}

/// One connection.
pub(super) struct RawPeer {
    stream: TcpStream,
    framer: Framer,
}

impl RawPeer {
    /// Connects; `None` where nobody answers.
    pub(super) async fn dial(
        to: SocketAddr,
        from: [u8; 4],
        password: Option<&str>,
    ) -> Option<Self> {
        let terms = SocketTerms {
            password: password.map(|text| Secret::new(text.as_bytes())),
            ..SocketTerms::default()
        };
        Self::dial_with(to, from, &terms, NO_ANSWER).await
    }

    /// Connects with the TTL of a neighbour.
    pub(super) async fn dial_near(to: SocketAddr, from: [u8; 4]) -> Option<Self> {
        let terms = SocketTerms {
            ttl_security: Some(1),
            ..SocketTerms::default()
        };
        Self::dial_with(to, from, &terms, PATIENCE).await
    }

    async fn dial_with(
        to: SocketAddr,
        from: [u8; 4],
        terms: &SocketTerms,
        patience: Duration,
    ) -> Option<Self> {
        let socket = dialler(to, Some(from.into()), terms).expect("a socket");
        let dial = TcpSocket::from_std_stream(socket.into()).connect(to);
        let stream = timeout(patience, dial).await.ok()?.expect("a connection");
        Some(Self::over(stream))
    }

    pub(super) async fn accept(listener: &TcpListener) -> Self {
        let accepted = timeout(PATIENCE, listener.accept()).await;
        Self::over(accepted.expect("in time").expect("a connection").0)
    }

    fn over(stream: TcpStream) -> Self {
        Self {
            stream,
            framer: Framer::new(),
        }
    }

    /// Sends OPEN and KEEPALIVE, all that this side of a session has to say.
    pub(super) async fn say_hello(&mut self, identifier: [u8; 4]) {
        let families = PerFamily {
            ipv4: true,
            ipv6: false,
        };
        let open = Open {
            asn: Asn(64_512),
            hold_time: HoldTime::new(240).expect("a hold time"),
            router_id: RouterId(identifier.into()),
            capabilities: Capabilities {
                families,
                route_refresh: true,
                four_octet_as: Some(Asn(64_512)),
                ..Capabilities::default()
            },
        };
        let mut bytes = Vec::new();
        open.encode(&mut bytes);
        bytes.extend(KEEPALIVE);
        // The other side may have closed already, which the test will see.
        let _ = self.stream.write_all(&bytes).await;
    }

    /// Sends an UPDATE with an unknown optional transitive attribute of this value.
    pub(super) async fn announce_with(&mut self, value: &[u8]) {
        let length = u8::try_from(value.len()).expect("short");
        let attribute = [&[0xc0, 99, length][..], value].concat();
        let body_length = u16::try_from(attribute.len()).expect("short");
        let mut message = vec![0xff; 16];
        message.extend((23 + body_length).to_be_bytes());
        message.extend([UPDATE, 0, 0]);
        message.extend(body_length.to_be_bytes());
        message.extend(attribute);
        self.stream.write_all(&message).await.expect("sent");
    }

    /// Announces so many prefixes of 10.0.0.0/8.
    pub(super) async fn announce(&mut self, prefixes: u8, next_hop: [u8; 4]) {
        let mut body = vec![0, 0, 0, 21, 0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4];
        body.extend(next_hop);
        body.extend([0x40, 5, 4, 0, 0, 0, 100]);
        for n in 0..prefixes {
            body.extend([24, 10, 0, n]);
        }
        self.update(&body).await;
    }

    async fn update(&mut self, body: &[u8]) {
        let length = u16::try_from(19 + body.len()).expect("short");
        let mut message = vec![0xff; 16];
        message.extend(length.to_be_bytes());
        message.push(UPDATE);
        message.extend(body);
        self.stream.write_all(&message).await.expect("sent");
    }

    /// Withdraws so many prefixes of 10.0.0.0/8.
    pub(super) async fn withdraw(&mut self, prefixes: u8) {
        let run: Vec<u8> = (0..prefixes).flat_map(|n| [24, 10, 0, n]).collect();
        let mut body = u16::try_from(run.len())
            .expect("short")
            .to_be_bytes()
            .to_vec();
        body.extend(run);
        body.extend([0, 0]);
        self.update(&body).await;
    }

    /// Asks for everything again.
    pub(super) async fn request_refresh(&mut self) {
        let mut message = vec![0xff; 16];
        message.extend([0, 23, ROUTE_REFRESH, 0, 1, 0, 1]);
        self.stream.write_all(&message).await.expect("sent");
    }

    /// The third octets of so many prefixes announced, or withdrawn; an End-of-RIB in between counts
    /// as one of `None`.
    pub(super) async fn hear(&mut self, count: usize) -> Vec<Option<u8>> {
        let mut heard = Vec::new();
        while heard.len() < count {
            let [withdrawn, announced] = self.next_update().await;
            if withdrawn.is_empty() && announced.is_empty() {
                heard.push(None);
            }
            heard.extend([withdrawn, announced].concat().into_iter().map(Some));
        }
        heard
    }

    /// Listens until so many different prefixes are withdrawn, or announced; returns them in order.
    pub(super) async fn hear_each(&mut self, count: usize, run: Run) -> Vec<u8> {
        let mut heard = BTreeSet::new();
        while heard.len() < count {
            let mut runs = self.next_update().await;
            heard.extend(std::mem::take(&mut runs[run as usize]));
        }
        heard.into_iter().collect()
    }

    /// The last octets of the /24 that the next UPDATE withdraws, and of those that it announces.
    async fn next_update(&mut self) -> [Vec<u8>; 2] {
        let message = self.next_of(UPDATE).await.expect("the connection is open");
        let length = |at: usize| usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
        let attributes = 21 + length(19);
        let nlri = attributes + 2 + length(attributes);
        let runs = [&message[21..attributes], &message[nlri..]];
        runs.map(|run| run.chunks(4).map(|prefix| prefix[3]).collect())
    }

    /// The code and subcode of the next NOTIFICATION; `None` where the connection ends without.
    pub(super) async fn notification(&mut self) -> Option<(u8, u8)> {
        let message = self.next_of(NOTIFICATION).await?;
        Some((message[19], message[20]))
    }

    /// Waits for a message of this type.
    pub(super) async fn expect(&mut self, kind: u8) {
        self.next_of(kind).await.expect("the connection is open");
    }

    /// Reads to the end of the connection.
    pub(super) async fn is_closed(&mut self) -> bool {
        while self.next().await.is_some() {}
        true
    }

    /// Whether nothing has ended the connection so far.
    pub(super) async fn is_open(&mut self) -> bool {
        match timeout(Duration::from_millis(200), self.is_closed()).await {
            Ok(closed) => !closed,
            Err(_) => true,
        }
    }

    async fn next_of(&mut self, kind: u8) -> Option<bytes::Bytes> {
        loop {
            let message = self.next().await?;
            if message[18] == kind {
                return Some(message);
            }
        }
    }

    async fn next(&mut self) -> Option<bytes::Bytes> {
        loop {
            if let Some(message) = self.framer.next().expect("well-formed messages") {
                return Some(message);
            }
            let read = self.stream.read_buf(self.framer.buffer());
            match timeout(PATIENCE, read).await.expect("in time") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}
