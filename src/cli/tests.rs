//! What people read, pinned down to the letter.

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::client::{self, ClientError};
use super::{neighbor, text};
use crate::control::testing;
use crate::control::{
    ActionAnswer, ConditionAnswer, DatastoreAnswer, FibAnswer, GroupsAnswer, Listen, ListenAnswer,
    LivenessAnswer, Neighbor, NeighborsAnswer, ReadinessAnswer, RoutesAnswer, Summary, serve,
};
use crate::metrics::Metrics;
use crate::net::{PrefixLimit, Role};
use crate::session::{HeldBy, HeldView};

mod explain;

fn same(found: &str, expected: &str) {
    let expected = expected.strip_prefix('\n').unwrap_or(expected);
    assert!(found == expected, "found\n{found}\nexpected\n{expected}");
    assert!(found.lines().all(|line| line == line.trim_end()));
}

#[tokio::test]
async fn the_summary_has_a_head_and_a_line_for_each_session() {
    same(
        &text::summary(&testing::summary().await),
        "
node-a: router id 192.0.2.11, AS 64512, up 1h00m, calidris 0.1.0
datastore dir:/etc/calidris/resources: in sync, 1 object refused, 1 warning (see calidris show datastore)
kernel: 1 IPv4 and 0 IPv6 routes, 1 pending (see calidris show routes --fib)
not ready: deferral_over: waiting for End-of-RIB of 1 session

NAME                ADDRESS         AS  TYPE    STATE        UP/DOWN  RECV  ACC  SENT  LAST ERROR
Global_192_0_2_254  192.0.2.254  65001  global  Active       10m00s      0    0     0  dial failed: connection refused (30s ago)
Mesh_192_0_2_12     192.0.2.12   64512  mesh    Established  58m20s      3    2     4

2 sessions, 1 established
",
    );
}

#[tokio::test]
async fn a_node_without_plan_and_sessions_says_so() {
    let mut summary = testing::summary().await;
    summary.router_id = None;
    summary.neighbors.clear();
    summary.datastore.up = false;
    summary.datastore.rejected = 0;
    summary.datastore.last_error = Some("/x: no such folder".to_owned());
    summary.warnings = 0;
    summary.fib.denied = Some("missing CAP_NET_ADMIN".to_owned());
    summary.readiness.ready = true;
    same(
        &text::summary(&summary),
        "
node-a: no plan yet, up 1h00m, calidris 0.1.0
datastore dir:/etc/calidris/resources: cannot be read: /x: no such folder
kernel: no routes can be installed: missing CAP_NET_ADMIN

no sessions are planned
",
    );
}

#[tokio::test]
async fn an_established_session_shows_its_terms() {
    same(
        &neighbor::text(&testing::neighbor(&testing::up()).await),
        "
Mesh_192_0_2_12 is Established for 58m20s
  planned by       BGPConfiguration/default spec.nodeToNodeMeshEnabled (mesh peering)
  peer             192.0.2.12 port 179, AS 64512 (internal)
  this side        router id 192.0.2.11, AS 64512, never dials
  security         no password, any number of hops
  connection       192.0.2.11:179 to 192.0.2.12:40123
  peer router id   192.0.2.12
  timers           hold 240 s, keepalive 80 s
  families         ipv4
  capabilities     4-octet AS, route refresh, graceful restart (peer: 120 s), ADD-PATH ipv4 both ways
  end of RIB       received ipv4, sent ipv4
  ipv4 prefixes    3 received, 2 accepted, 1 filtered (1 AS loop), 1 best, 4 advertised
  messages in      1 OPEN, 3 UPDATE, 0 NOTIFICATION, 12 KEEPALIVE, 0 ROUTE-REFRESH
  messages out     1 OPEN, 2 UPDATE, 0 NOTIFICATION, 13 KEEPALIVE, 0 ROUTE-REFRESH
  history          established once, down never
",
    );
}

#[tokio::test]
async fn a_session_that_is_down_begins_with_the_reason() {
    same(
        &neighbor::text(&testing::neighbor(&testing::down()).await),
        "
Global_192_0_2_254 is Active, not established for 10m00s
  last error       dial failed: connection refused (30s ago)
  dialling         3 dials failed since it was last up
  it said          NOTIFICATION 6/2, Cease / Administrative Shutdown: \"maintenance\" (10m00s ago)
  planned by       BGPPeer/tor spec.peerIP (global peering)
  peer             192.0.2.254 port 179, AS 65001 (external)
  this side        router id 192.0.2.11, AS 64512, dials from the address that the kernel chooses
  security         no password, any number of hops
  ipv4 prefixes    0 received, 0 accepted, 0 filtered, 0 best, 0 advertised
  messages in      0 OPEN, 0 UPDATE, 0 NOTIFICATION, 0 KEEPALIVE, 0 ROUTE-REFRESH
  messages out     0 OPEN, 0 UPDATE, 0 NOTIFICATION, 0 KEEPALIVE, 0 ROUTE-REFRESH
  history          established once, down notification_received 1
",
    );
}

#[tokio::test]
async fn a_session_that_is_held_down_says_by_whom() {
    let mut view = testing::down();
    view.held = Some(HeldView {
        by: HeldBy::Operator,
        message: "maintenance".to_owned(),
        until: None,
    });
    view.password = true;
    view.ttl_security = Some(1);
    view.role = Some(Role::Customer);
    view.prefix_limit = Some(PrefixLimit {
        max: 1_000,
        warn_percent: 75,
        restart: None,
    });
    view.near_prefix_limit.ipv4 = true;
    let text = neighbor::text(&testing::neighbor(&view).await);
    for line in [
        "  held down        shut down by operator: maintenance\n",
        "  security         password (TCP-MD5), packets from 1 hop away at most\n",
        "  role             this side is customer\n",
        "  prefix limit     1000 a family, warning beyond 75 %, then down until enabled; ipv4 is \
         beyond the warning threshold\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[tokio::test]
async fn a_listening_socket_that_does_not_work_is_told() {
    let mut summary = testing::summary().await;
    let peer = |last| std::net::IpAddr::from([192, 0, 2, last]);
    let refused = "the kernel refuses the password: no room".to_owned();
    summary.listen = vec![
        ListenAnswer {
            address: "0.0.0.0:179".parse().expect("an address"),
            listening: false,
            reason: Some("another BGP speaker runs here".to_owned()),
            refused_passwords: Default::default(),
        },
        ListenAnswer {
            address: "[::]:179".parse().expect("an address"),
            listening: true,
            reason: None,
            refused_passwords: [(peer(1), refused.clone()), (peer(2), refused)].into(),
        },
    ];
    let text = text::summary(&summary);
    for line in [
        "not listening on 0.0.0.0:179: another BGP speaker runs here\n",
        "connections from 192.0.2.1 and 1 other to [::]:179 are refused: the kernel refuses the \
         password: no room\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn routes_are_marked_and_a_refused_path_says_why() {
    let mut routes = testing::routes();
    routes.sort_by_key(|row| row.prefix);
    same(
        &text::routes(&RoutesAnswer { routes }),
        "
    NETWORK           NEXT HOP     FROM                PREF  LOCAL PREF  MED  ORIGIN  AS PATH      NOTE
*>  10.65.0.0/26      -            local                100         100       igp
*>  10.65.1.0/26      192.0.2.12   Mesh_192_0_2_12      100         100       igp
x                     192.0.2.254  Global_192_0_2_254   100         100       igp     65001 65002  next hop unreachable
*>  fd00:10:65::/122  -            local                100         100       igp

3 networks, 4 paths
",
    );
    assert_eq!(
        text::routes(&RoutesAnswer { routes: Vec::new() }),
        "no routes\n"
    );
}

#[test]
fn kernel_routes_show_what_is_not_as_wanted() {
    same(
        &text::fib(&FibAnswer { routes: testing::kernel_rows() }),
        "
NETWORK       STATE      WANTED                              PRESENT    KERNEL SAYS
10.65.1.0/26  installed  via 192.0.2.12 dev eth0 proto bird  as wanted
10.65.0.0/26  refused    blackhole proto bird                -          EEXIST: another route has this prefix

2 routes, 1 not as wanted
",
    );
}

#[test]
fn the_datastore_shows_each_refusal_with_place_and_reason() {
    same(
        &text::datastore(&testing::datastore_answer()),
        "
dir:/etc/calidris/resources: in sync, revision 7, last change 59m10s ago

KIND     IN FORCE  REFUSED
BGPPeer         1        1
Node            2        0

Refused
  BGPPeer/old spec.peerIP (peers.yaml line 12): \"nonsense\" is not an address; its last good version stays in force

Warnings of the plan
  BGPPeer/old spec.asNumber: \"abc\" is not an AS number; the peering is left out
",
    );
}

#[test]
fn readiness_is_one_line() {
    let condition = |name: &str, ok, detail: &str| ConditionAnswer {
        name: name.to_owned(),
        ok,
        detail: detail.to_owned(),
    };
    let conditions = vec![
        condition("a", true, "x"),
        condition("b", false, "y"),
        condition("c", false, "z"),
    ];
    let answer = ReadinessAnswer {
        ready: false,
        conditions,
    };
    assert_eq!(text::readiness(&answer), "not ready: b: y; c: z\n");
    let answer = ReadinessAnswer {
        ready: true,
        conditions: Vec::new(),
    };
    assert_eq!(text::readiness(&answer), "ready\n");
}

#[test]
fn ages_are_told_in_two_units() {
    for (seconds, expected) in [
        (0, "0s"),
        (59, "59s"),
        (60, "1m00s"),
        (3_599, "59m59s"),
        (3_600, "1h00m"),
        (86_399, "23h59m"),
        (356_400, "4d03h"),
    ] {
        let age = text::age(std::time::Duration::from_secs(seconds));
        assert_eq!(age, expected);
    }
}

async fn told<T: DeserializeOwned>(socket: &Path, path: &str) -> T {
    match client::get(socket, path).await {
        Ok(answer) => answer,
        Err(error) => panic!("{path}: {error}"),
    }
}

#[tokio::test]
async fn every_answer_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("calidris.sock");
    let listen = Listen {
        socket: socket.clone(),
        http: None,
    };
    let (_stop, stopped) = watch::channel(false);
    let metrics = Arc::new(Metrics::new());
    let operators = Arc::new(testing::FixedOperators);
    let served = serve(listen, testing::views(), metrics, operators, stopped).await;
    served.expect("a listener");
    let done: ActionAnswer = client::post(&socket, "/api/v1/neighbors/192.0.2.12/enable")
        .await
        .expect("done");
    assert_eq!(done.neighbor, "Mesh_192_0_2_12");
    let summary: Summary = told(&socket, "/api/v1/summary").await;
    let expected = testing::summary().await;
    assert_eq!(summary.neighbors, expected.neighbors);
    assert_eq!(summary.fib, expected.fib);
    let all: NeighborsAnswer = told(&socket, "/api/v1/neighbors").await;
    let one: Neighbor = told(&socket, "/api/v1/neighbors/192.0.2.12").await;
    assert_eq!(one.counters, testing::up().counters);
    assert_eq!(one.negotiated, all.neighbors[1].negotiated);
    let routes: RoutesAnswer = told(&socket, "/api/v1/routes").await;
    assert_eq!(routes.routes.len(), 3);
    let fib: FibAnswer = told(&socket, "/api/v1/fib").await;
    assert_eq!(fib.routes, testing::kernel_rows());
    let groups: GroupsAnswer = told(&socket, "/api/v1/updategroups").await;
    assert_eq!(groups.groups.len(), 2);
    let datastore: DatastoreAnswer = told(&socket, "/api/v1/datastore").await;
    assert_eq!(datastore.rejected, testing::datastore_answer().rejected);
    let live: LivenessAnswer = told(&socket, "/healthz").await;
    assert!(live.live);
    let ready: ReadinessAnswer = client::probe(&socket, "/readyz").await.expect("a probe");
    assert!(!ready.ready);
    let error = client::get::<Neighbor>(&socket, "/api/v1/neighbors/nobody").await;
    match error {
        Err(ClientError::Refused { message, .. }) => {
            assert_eq!(message, "no session has the name or address \"nobody\"");
        }
        other => panic!("{other:?}"),
    }
}
