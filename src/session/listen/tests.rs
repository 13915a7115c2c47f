use std::io::Read;
use std::net::TcpStream as StdStream;

use super::*;
use crate::net::Secret;
use crate::session::testing;

/// A listener with one peer, without the session behind it.
struct Bench {
    listener: Listener,
    local: SocketAddr,
    sessions: watch::Sender<Acceptors>,
    views: watch::Sender<ListenViews>,
    arriving: mpsc::Receiver<DriverCommand>,
}

const PEER: [u8; 4] = [127, 3, 0, 2];

impl Bench {
    async fn start(local: [u8; 4], password: Option<&str>) -> Self {
        let probe = std::net::TcpListener::bind((IpAddr::from(local), 0)).expect("a port");
        let local = probe.local_addr().expect("an address");
        drop(probe);
        let (commands, arriving) = mpsc::channel(4);
        let sessions = watch::Sender::new(Self::acceptors(&commands, password));
        let views = watch::Sender::new(ListenViews::default());
        let reception = Reception {
            acceptors: sessions.subscribe(),
            arrivals: Arrivals::default(),
            views: views.clone(),
        };
        let listener = Listener::spawn(local, reception, Self::keys(password));
        let mut watched = views.subscribe();
        let listens = |views: &ListenViews| views.get(&local).is_some_and(|view| view.listening);
        watched.wait_for(listens).await.expect("it listens");
        Self {
            listener,
            local,
            sessions,
            views,
            arriving,
        }
    }

    fn acceptors(commands: &mpsc::Sender<DriverCommand>, password: Option<&str>) -> Acceptors {
        let mut spec = testing::spec("peer");
        spec.plan.password = password.map(|text| Secret::new(text.as_bytes()));
        let acceptor = Acceptor::new(&spec, commands.clone());
        Arc::new([(PEER.into(), vec![acceptor])].into())
    }

    fn keys(password: Option<&str>) -> Keys {
        let key = password.map(|text| (PEER.into(), Secret::new(text.as_bytes())));
        Arc::new(key.into_iter().collect())
    }

    /// Connects as `source` would; `None` where nobody answers.
    async fn dial(&self, source: [u8; 4], password: Option<&str>) -> Option<StdStream> {
        let terms = SocketTerms {
            password: password.map(|text| Secret::new(text.as_bytes())),
            ..SocketTerms::default()
        };
        let local = self.local;
        let dial = move || {
            let socket = socket::dialler(local, Some(source.into()), &terms).expect("a socket");
            socket.set_nonblocking(false).expect("a socket");
            let patience = Duration::from_millis(300);
            let connected = socket.connect_timeout(&local.into(), patience);
            connected.ok().map(|()| StdStream::from(socket))
        };
        tokio::task::spawn_blocking(dial).await.expect("no panic")
    }

    async fn is_handed_over(&mut self) -> bool {
        let arrived = tokio::time::timeout(Duration::from_millis(500), self.arriving.recv()).await;
        matches!(arrived, Ok(Some(DriverCommand::Incoming(_))))
    }
}

/// Waits until the other side has closed.
async fn is_closed(mut stream: StdStream) -> bool {
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a time-out");
    let read = move || matches!(stream.read(&mut [0; 1]), Ok(0));
    tokio::task::spawn_blocking(read).await.expect("no panic")
}

#[tokio::test]
async fn a_stranger_is_closed_and_a_peer_is_handed_over() {
    let mut bench = Bench::start([127, 3, 1, 1], None).await;
    let stranger = bench.dial([127, 3, 0, 99], None).await.expect("accepted");
    assert!(is_closed(stranger).await);
    let _peer = bench.dial(PEER, None).await.expect("accepted");
    assert!(bench.is_handed_over().await);
}

#[tokio::test]
async fn a_password_is_demanded_from_the_first_connection_on() {
    let mut bench = Bench::start([127, 3, 2, 1], Some("right")).await;
    assert!(bench.dial(PEER, None).await.is_none());
    assert!(bench.dial(PEER, Some("wrong")).await.is_none());
    let _peer = bench.dial(PEER, Some("right")).await.expect("accepted");
    assert!(bench.is_handed_over().await);
}

#[tokio::test]
async fn a_key_that_is_not_in_force_lets_nobody_in() {
    // The plan wants a password that the socket does not have, as after a refusal by the kernel.
    let mut bench = Bench::start([127, 3, 3, 1], None).await;
    let (commands, arriving) = mpsc::channel(4);
    bench.arriving = arriving;
    bench
        .sessions
        .send_replace(Bench::acceptors(&commands, Some("right")));
    let peer = bench.dial(PEER, None).await.expect("the kernel accepts it");
    assert!(is_closed(peer).await);
    assert!(!bench.is_handed_over().await);
}

#[tokio::test]
async fn a_refused_key_is_shown_with_the_kernels_reason() {
    let bench = Bench::start([127, 3, 4, 1], None).await;
    let unusable = Arc::new([(PEER.into(), Secret::new(&[b'x'; 81]))].into());
    bench.listener.rekey(&unusable);
    let views = bench.views.borrow().clone();
    let reason = &views[&bench.local].refused_passwords[&IpAddr::from(PEER)];
    assert!(reason.contains("1 to 80 octets"), "{reason}");
    bench.listener.rekey(&Keys::default());
    let views = bench.views.borrow().clone();
    assert!(views[&bench.local].refused_passwords.is_empty());
}

#[tokio::test]
async fn what_waits_to_be_accepted_under_an_earlier_key_is_thrown_away() {
    let bench = Bench::start([127, 3, 5, 1], None).await;
    // Nothing is awaited here between the connection and the new key, so the task cannot accept it.
    let socket =
        socket::dialler(bench.local, Some(PEER.into()), &SocketTerms::default()).expect("a socket");
    socket.set_nonblocking(false).expect("a socket");
    socket.connect(&bench.local.into()).expect("a connection");
    bench.listener.rekey(&Bench::keys(Some("right")));
    let mut bench = bench;
    assert!(!bench.is_handed_over().await);
    let _peer = bench.dial(PEER, Some("right")).await.expect("accepted");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_and_taken_once_it_is_free() {
    let taken = std::net::TcpListener::bind("127.3.6.1:0").expect("a port");
    let local = taken.local_addr().expect("an address");
    let views = watch::Sender::new(ListenViews::default());
    let (_acceptors, watched) = watch::channel(Acceptors::default());
    let reception = Reception {
        acceptors: watched,
        arrivals: Arrivals::default(),
        views: views.clone(),
    };
    let listener = Listener::spawn(local, reception, Keys::default());
    let mut watched = views.subscribe();
    let told = watched
        .wait_for(|views| views.get(&local).is_some_and(|view| view.reason.is_some()))
        .await
        .expect("told")
        .clone();
    let reason = told[&local].reason.clone().expect("a reason");
    assert!(reason.contains("another BGP speaker"), "{reason}");
    drop(taken);
    watched
        .wait_for(|views| views.get(&local).is_some_and(|view| view.listening))
        .await
        .expect("it listens");
    drop(listener);
    assert!(views.borrow().is_empty());
}
