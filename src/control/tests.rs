use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_body_util::BodyExt;
use hyper::{Method, Request, StatusCode};
use serde_json::Value;

use super::api::Api;
use super::testing::{FixedOperators, FixedRib, at, views, views_with};
use super::view::{BoxFuture, QueryError, RibQueries};
use crate::metrics::Metrics;
use crate::rib::{Answer, Query};

async fn ask(method: Method, address: &str, alive: bool) -> (StatusCode, String) {
    let api = Api {
        views: views_with(FixedRib { alive }),
        metrics: Arc::new(Metrics::new()),
        operators: None,
    };
    send(&api, method, address).await
}

/// As an operator on the unix socket.
async fn post(address: &str) -> (StatusCode, Value) {
    let api = Api {
        views: views(),
        metrics: Arc::new(Metrics::new()),
        operators: Some(Arc::new(FixedOperators)),
    };
    let (status, text) = send(&api, Method::POST, address).await;
    (status, serde_json::from_str(&text).expect("JSON"))
}

async fn send(api: &Api, method: Method, address: &str) -> (StatusCode, String) {
    let request = Request::builder()
        .method(method)
        .uri(address)
        .body(())
        .expect("a request");
    let response = api.respond(&request, at(3_600)).await;
    let status = response.status();
    let body = response.into_body().collect().await.expect("a whole body");
    let text = String::from_utf8(body.to_bytes().to_vec()).expect("text");
    (status, text)
}

async fn get(address: &str) -> (StatusCode, Value) {
    let (status, text) = ask(Method::GET, address, true).await;
    (status, serde_json::from_str(&text).expect("JSON"))
}

async fn refused(address: &str) -> (StatusCode, Value) {
    let (status, body) = get(address).await;
    (status, body["error"].clone())
}

#[tokio::test]
async fn the_summary_has_a_line_for_each_session() {
    let (status, body) = get("/api/v1/summary").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["routerId"], "192.0.2.11");
    assert_eq!(body["asOf"], "2023-11-14T23:13:20.000Z");
    assert_eq!(body["readiness"]["ready"], false);
    assert_eq!(body["datastore"]["rejected"], 1);
    let neighbors = body["neighbors"].as_array().expect("a list");
    assert_eq!(neighbors.len(), 2);
    assert_eq!(neighbors[0]["name"], "Global_192_0_2_254");
    assert_eq!(neighbors[0]["state"], "Active");
    assert_eq!(
        neighbors[0]["lastError"]["message"],
        "dial failed: connection refused"
    );
    assert_eq!(neighbors[1]["type"], "mesh");
    assert_eq!(neighbors[1]["prefixes"]["accepted"], 2);
}

#[tokio::test]
async fn a_session_is_found_by_name_and_by_address() {
    for name in ["Mesh_192_0_2_12", "192.0.2.12", "Mesh%5F192_0_2_12"] {
        let (status, body) = get(&format!("/api/v1/neighbors/{name}")).await;
        assert_eq!(status, StatusCode::OK, "{name}");
        assert_eq!(body["name"], "Mesh_192_0_2_12");
        assert_eq!(body["negotiated"]["holdTime"], 240);
        assert_eq!(body["provenance"]["field"], "spec.nodeToNodeMeshEnabled");
    }
    let (status, error) = refused("/api/v1/neighbors/192.0.2.99").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(error["code"], "no_such_neighbor");
}

#[tokio::test]
async fn routes_of_both_families_come_over_all_pages() {
    let (status, body) = get("/api/v1/routes").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["routes"].as_array().expect("a list").len(), 3);
    let (_, body) = get("/api/v1/routes?family=ipv6").await;
    assert_eq!(body["routes"][0]["prefix"], "fd00:10:65::/122");
    let (_, body) = get("/api/v1/routes?prefix=10.65.0.0/16&longer").await;
    assert_eq!(body["routes"].as_array().expect("a list").len(), 2);
    let (_, body) = get("/api/v1/routes?prefix=10.65.0.0%2F16").await;
    assert_eq!(body["routes"].as_array().expect("a list").len(), 0);
    let (_, body) = get("/api/v1/routes?received=Global_192_0_2_254").await;
    assert_eq!(body["routes"].as_array().expect("a list").len(), 0);
}

/// A RIB that dies after its first page of routes.
struct DyingRib(AtomicBool);

impl RibQueries for DyingRib {
    fn query(&self, query: Query) -> BoxFuture<'_, Result<Answer, QueryError>> {
        if self.0.swap(true, Ordering::Relaxed) {
            return Box::pin(std::future::ready(Err(QueryError::Gone(
                "the routing table",
            ))));
        }
        Box::pin(async move { FixedRib { alive: true }.query(query).await })
    }
}

#[tokio::test]
async fn a_listing_that_breaks_off_never_looks_complete() {
    let mut views = views();
    views.rib = Arc::new(DyingRib(AtomicBool::new(false)));
    let api = Api {
        views,
        metrics: Arc::new(Metrics::new()),
        operators: None,
    };
    let request = Request::builder()
        .uri("/api/v1/routes")
        .body(())
        .expect("a request");
    let response = api.respond(&request, at(3_600)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let error = response
        .into_body()
        .collect()
        .await
        .expect_err("a broken body");
    assert_eq!(error.to_string(), "the routing table does not run");
}

#[tokio::test]
async fn kernel_routes_are_filtered_by_prefix_and_family() {
    let (_, body) = get("/api/v1/fib").await;
    assert_eq!(body["routes"].as_array().expect("a list").len(), 2);
    let (_, body) = get("/api/v1/fib?prefix=10.65.0.0/26").await;
    assert_eq!(body["routes"][0]["state"], "refused");
    let (_, body) = get("/api/v1/fib?family=ipv6").await;
    assert_eq!(body["routes"].as_array().expect("a list").len(), 0);
}

#[tokio::test]
async fn faulty_parameters_are_named() {
    for (query, field) in [
        ("prefx=10.0.0.0/8", "prefx"),
        ("prefix=10.0.0.0/33", "prefix"),
        ("family=ipx", "family"),
        ("family=ipv6&prefix=10.0.0.0/8", "family"),
        ("longer=perhaps", "longer"),
        ("longer&longer", "longer"),
        ("received=192.0.2.12&advertised=192.0.2.12", "advertised"),
    ] {
        let (status, error) = refused(&format!("/api/v1/routes?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(error["code"], "bad_parameter", "{query}");
        assert_eq!(error["field"], field, "{query}");
    }
    let (status, error) = refused("/api/v1/routes?received=nobody").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(error["field"], "received");
    let (status, error) = refused("/api/v1/summary?verbose=1").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(error["field"], "verbose");
}

#[tokio::test]
async fn only_reading_is_allowed() {
    for method in [Method::POST, Method::DELETE, Method::PUT] {
        let (status, text) = ask(method, "/api/v1/summary", true).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert!(text.contains("bad_method"));
    }
    let (status, error) = refused("/api/v2/summary").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(error["code"], "not_found");
}

#[tokio::test]
async fn an_unknown_action_is_told_with_those_that_there_are() {
    let (status, body) = post("/api/v1/neighbors/Mesh_192_0_2_12/restart").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(body["error"]["code"], "no_such_action");
    let message = "there is no action \"restart\": use reset, soft-in, soft-out, shutdown, enable";
    assert_eq!(body["error"]["message"], message);
}

#[tokio::test]
async fn an_address_stands_for_the_longest_match() {
    let (status, body) = get("/api/v1/routes?prefix=10.65.1.7").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["routes"][0]["prefix"], "10.65.1.0/26");
    let (_, body) = get("/api/v1/fib?prefix=10.65.0.9").await;
    assert_eq!(body["routes"][0]["prefix"], "10.65.0.0/26");
    let (_, body) = get("/api/v1/routes?prefix=192.0.2.1").await;
    assert_eq!(body["routes"], serde_json::json!([]));
}

#[tokio::test]
async fn an_explanation_needs_a_place_and_a_known_neighbour() {
    for query in [
        "",
        "?prefix=10.0.0.0/33",
        "?prefix=here",
        "?prefix=10.0.0.0/8&via=x",
    ] {
        let (status, error) = refused(&format!("/api/v1/explain{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(error["code"], "bad_parameter", "{query}");
    }
    let (status, error) = refused("/api/v1/explain?prefix=10.0.0.0/8&to=nobody").await;
    assert_eq!(
        (status, &error["field"]),
        (StatusCode::NOT_FOUND, &Value::from("to"))
    );
    let (status, body) = get("/api/v1/explain?prefix=10.65.1.0/26").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["paths"][0]["decision"]["outcome"], "best");
    assert_eq!(body["paths"][1]["decision"]["step"], "med");
    let (status, _) = ask(Method::GET, "/api/v1/explain?prefix=10.65.1.0/26", false).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn groups_can_be_asked_for_by_member_and_family() {
    let (_, body) = get("/api/v1/updategroups?member=192.0.2.12").await;
    let groups = body["groups"].as_array().expect("groups");
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0]["policy"], "export ipv4");
    assert_eq!(groups[0]["external"], false);
    let (_, body) = get("/api/v1/updategroups?family=ipv6").await;
    assert_eq!(body["groups"], serde_json::json!([]));
    let (status, _) = refused("/api/v1/updategroups?member=nobody").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

const NEIGHBOR: &str = "/api/v1/neighbors/Mesh_192_0_2_12";

#[tokio::test]
async fn an_operator_acts_on_a_session_by_name_or_address() {
    for (address, did) in [
        ("reset", "Reset { hard: false }"),
        ("reset?hard=true", "Reset { hard: true }"),
        ("shutdown", "Shutdown(\"\")"),
        ("shutdown?message=back%20at%205", "Shutdown(\"back at 5\")"),
        ("enable", "Enable"),
    ] {
        let (status, body) = post(&format!("{NEIGHBOR}/{address}")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body["neighbor"], "Mesh_192_0_2_12");
        assert_eq!(body["message"], format!("Mesh_192_0_2_12 {did}"));
    }
    let (_, body) = post("/api/v1/neighbors/192.0.2.254/enable").await;
    assert_eq!(body["neighbor"], "Global_192_0_2_254");
    assert_eq!(body["action"], "enable");
}

#[tokio::test]
async fn what_an_operator_gets_wrong_is_named() {
    let (status, body) = post(&format!("{NEIGHBOR}/soft-in")).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(body["error"]["code"], "not_established");
    let (status, body) = post("/api/v1/neighbors/nobody/reset").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(body["error"]["code"], "no_such_neighbor");
    let long = "x".repeat(256);
    for (address, field) in [
        (format!("shutdown?message={long}"), "message"),
        ("enable?hard=true".to_owned(), "hard"),
        ("reset?hard=perhaps".to_owned(), "hard"),
    ] {
        let (status, body) = post(&format!("{NEIGHBOR}/{address}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["error"]["field"], field);
    }
    let (status, _) = post(&format!("{NEIGHBOR}/explode")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn over_tcp_nobody_acts() {
    let (status, text) = ask(Method::POST, &format!("{NEIGHBOR}/reset"), true).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(text.contains("unix_socket_only"), "{text}");
    // A link that is followed, or fetched ahead, does nothing anywhere.
    let (status, text) = ask(Method::GET, &format!("{NEIGHBOR}/reset"), true).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(text.contains("only POST"), "{text}");
}

#[tokio::test]
async fn readiness_lists_each_condition() {
    let (status, body) = get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["ready"], false);
    assert_eq!(body["conditions"][0]["name"], "datastore_synced");
    assert_eq!(body["conditions"][0]["ok"], true);
    assert_eq!(
        body["conditions"][2]["detail"],
        "waiting for End-of-RIB of 1 session"
    );
}

#[tokio::test]
async fn a_dead_routing_table_ends_liveness_but_not_the_summary() {
    let (status, body) = get("/healthz").await;
    assert_eq!(
        (status, &body["live"]),
        (StatusCode::OK, &Value::Bool(true))
    );
    let (status, text) = ask(Method::GET, "/healthz", false).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("the routing table does not run"));
    let (status, text) = ask(Method::GET, "/api/v1/routes", false).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("no_answer"));
    let (status, text) = ask(Method::GET, "/api/v1/summary", false).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("\"prefixes\":null"));
    let (status, _) = ask(Method::GET, "/metrics", false).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn the_datastore_tells_what_was_refused_and_left_out() {
    let (_, body) = get("/api/v1/datastore").await;
    assert_eq!(body["rejected"][0]["location"], "peers.yaml line 12");
    assert_eq!(body["warnings"][0]["resource"], "BGPPeer/old");
    assert_eq!(body["lastEvent"], "2023-11-14T22:14:10.000Z");
    assert_eq!(body["objects"]["Node"]["accepted"], 2);
}

#[tokio::test]
async fn plan_and_groups_are_told() {
    let (_, body) = get("/api/v1/plan").await;
    assert_eq!(body["speaker"]["localAs"], 64_512);
    let (_, body) = get("/api/v1/updategroups").await;
    assert_eq!(body["groups"][0]["members"][0], "Mesh_192_0_2_12");
}

#[tokio::test]
async fn metrics_show_every_session() {
    let (status, text) = ask(Method::GET, "/metrics", true).await;
    assert_eq!(status, StatusCode::OK);
    for line in [
        r#"calidris_peer_up{peer="Mesh_192_0_2_12"} 1"#,
        r#"calidris_peer_up{peer="Global_192_0_2_254"} 0"#,
        r#"calidris_peer_prefixes{peer="Mesh_192_0_2_12",family="ipv4",stage="advertised"} 4"#,
        r#"calidris_peer_prefixes{peer="Global_192_0_2_254",family="ipv4",stage="received"} 0"#,
        r#"calidris_peer_notifications_total{peer="Global_192_0_2_254",direction="received",code="6",subcode="2"} 1"#,
        r#"calidris_router_info{router_id="192.0.2.11",local_as="64512",node="node-a"} 1"#,
        r#"calidris_peer_state_since_timestamp_seconds{peer="Mesh_192_0_2_12"} 1700000100"#,
        "calidris_config_stale 1",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line}\nin\n{text}"
        );
    }
}

#[tokio::test]
async fn the_status_page_links_to_everything_and_loads_nothing() {
    let (status, page) = ask(Method::GET, "/", true).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("<a href=\"/metrics\">"));
    assert!(page.contains("Global_192_0_2_254"));
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
}

mod listeners {
    use std::os::unix::fs::PermissionsExt;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream, UnixStream};
    use tokio::sync::watch;

    use super::*;
    use crate::control::{CONNECTIONS_MAX, Listen, ServeError, serve};

    const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    async fn start(
        listen: Listen,
    ) -> Result<(watch::Sender<bool>, Vec<tokio::task::JoinHandle<()>>), ServeError> {
        let (stop, stopped) = watch::channel(false);
        let (metrics, operators) = (Arc::new(Metrics::new()), Arc::new(FixedOperators));
        let tasks = serve(listen, views(), metrics, operators, stopped).await?;
        Ok((stop, tasks))
    }

    async fn read_all(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin) -> String {
        stream.write_all(REQUEST).await.expect("a request sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("a response");
        text
    }

    #[tokio::test]
    async fn both_listeners_answer_and_the_socket_goes_with_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("run/calidris.sock");
        // The port is free again once this listener is dropped.
        let probe = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let http = probe.local_addr().expect("an address");
        drop(probe);
        let listen = Listen {
            socket: socket.clone(),
            http: Some(http),
        };
        let (stop, tasks) = start(listen).await.expect("listeners");
        let mode = std::fs::metadata(&socket)
            .expect("a socket")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o660);
        let over_unix = read_all(UnixStream::connect(&socket).await.expect("unix")).await;
        assert!(over_unix.starts_with("HTTP/1.1 200 OK"), "{over_unix}");
        let over_tcp = read_all(TcpStream::connect(http).await.expect("tcp")).await;
        assert!(over_tcp.contains("\"live\":true"), "{over_tcp}");
        stop.send(true).expect("listeners run");
        for task in tasks {
            task.await.expect("an end in order");
        }
        assert!(!socket.exists());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("calidris.sock");
        drop(std::os::unix::net::UnixListener::bind(&socket).expect("a socket left behind"));
        let listen = Listen {
            socket: socket.clone(),
            http: None,
        };
        let _running = start(listen.clone())
            .await
            .expect("the stale one is replaced");
        let error = start(listen).await.expect_err("the live one is not");
        assert!(matches!(error, ServeError::Taken(_)), "{error}");
        let file = folder.path().join("file");
        std::fs::write(&file, "precious").expect("a file");
        let listen = Listen {
            socket: file.clone(),
            http: None,
        };
        let error = start(listen).await.expect_err("a file is not touched");
        assert!(matches!(error, ServeError::NotASocket(_)), "{error}");
        assert_eq!(std::fs::read_to_string(file).expect("the file"), "precious");
    }

    #[tokio::test]
    async fn an_address_in_use_is_told_with_its_flag() {
        let folder = tempfile::tempdir().expect("a folder");
        let other = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = other.local_addr().expect("an address");
        let socket = folder.path().join("calidris.sock");
        let listen = Listen {
            socket: socket.clone(),
            http: Some(address),
        };
        let error = start(listen).await.expect_err("in use").to_string();
        assert_eq!(
            error,
            format!("--http {address}: the address is in use by another process")
        );
        assert!(
            !socket.exists(),
            "nothing is served when one listener fails"
        );
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_for_a_free_slot() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("calidris.sock");
        let listen = Listen {
            socket: socket.clone(),
            http: None,
        };
        let _running = start(listen).await.expect("a listener");
        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            let mut stream = UnixStream::connect(&socket).await.expect("unix");
            // An answer proves that the connection holds a slot.
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                .await
                .expect("sent");
            let mut octets = [0; 512];
            assert!(stream.read(&mut octets).await.expect("a response") > 0);
            idle.push(stream);
        }
        let waiting = UnixStream::connect(&socket)
            .await
            .expect("queued by the kernel");
        let waiting = tokio::spawn(read_all(waiting));
        drop(idle.pop());
        let answer = waiting.await.expect("no panic");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
}
