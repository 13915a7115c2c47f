//! The body of the fuzz target that asks the control API, so that stable tests run it over the corpus.

use std::cell::OnceCell;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::{HeaderMap, Method, Request, StatusCode, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

use super::api::Api;
use super::http::converse;
use super::testing::{at, views};
use crate::metrics::Metrics;

/// One request: a method and a target such as `GET /api/v1/routes?prefix=fd00::/8`, or, where there is
/// the end of a line as HTTP has it, the octets of a whole connection.
pub fn request(data: &[u8]) {
    thread_local! {
        static SERVER: OnceCell<(Runtime, Api)> = const { OnceCell::new() };
    }
    SERVER.with(|server| {
        let (runtime, api) = server.get_or_init(serving);
        match data.windows(2).any(|pair| pair == b"\r\n") {
            true => runtime.block_on(connection(api, data)),
            false => runtime.block_on(target(api, data)),
        }
    });
}

/// A server with the fixed views, and a clock that stands still unless all wait.
fn serving() -> (Runtime, Api) {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime needs no more than memory");
    let metrics = Metrics::new();
    let api = Api {
        views: views(),
        metrics: Arc::new(metrics),
        operators: None,
    };
    (runtime, api)
}

async fn target(api: &Api, data: &[u8]) {
    let mut words = data.splitn(2, |octet| *octet == b' ');
    let method = words.next().and_then(|word| Method::from_bytes(word).ok());
    let uri = words.next().and_then(|word| Uri::try_from(word).ok());
    let (Some(method), Some(uri)) = (method, uri) else {
        return;
    };
    let mut request = Request::new(());
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri;
    let response = api.respond(&request, at(3_600)).await;
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .expect("the fixed views answer")
        .to_bytes();
    check_status(&method, parts.status);
    check_body(parts.status, &parts.headers, &body);
}

fn check_status(method: &Method, status: StatusCode) {
    let readable = matches!(*method, Method::GET | Method::HEAD);
    match status {
        StatusCode::OK | StatusCode::BAD_REQUEST => assert!(readable),
        // A POST of an unknown action, too.
        StatusCode::NOT_FOUND => assert!(readable || *method == Method::POST),
        // What the fixed views have not got to yet.
        StatusCode::SERVICE_UNAVAILABLE => assert!(readable),
        StatusCode::METHOD_NOT_ALLOWED => assert!(!readable),
        // Operators are served on the unix socket only.
        StatusCode::FORBIDDEN => assert_eq!(*method, Method::POST),
        other => unreachable!("{method} is answered {other}"),
    }
}

fn check_body(status: StatusCode, headers: &HeaderMap, body: &[u8]) {
    let kind = headers.get("content-type").map(|kind| kind.as_bytes());
    assert_eq!(
        headers.get("cache-control").map(|value| value.as_bytes()),
        Some(&b"no-store"[..])
    );
    let text = std::str::from_utf8(body).expect("every answer is text");
    if kind != Some(b"application/json") {
        assert!(status == StatusCode::OK && !text.is_empty());
        return;
    }
    let value: serde_json::Value = serde_json::from_str(text).expect("it says that it is JSON");
    if status.is_client_error() {
        let error = &value["error"];
        for field in ["code", "message"] {
            assert!(
                error[field].as_str().is_some_and(|text| !text.is_empty()),
                "{text}"
            );
        }
    }
}

/// Writes everything, ends the stream, and reads until the server has closed: it answers in whole
/// responses and waits for nothing.
async fn connection(api: &Api, data: &[u8]) {
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let mut answer = Vec::new();
    let talk = async {
        // A server that has had enough closes before all is written.
        let _ = client.write_all(data).await;
        let _ = client.shutdown().await;
        let _ = client.read_to_end(&mut answer).await;
    };
    tokio::join!(converse(server, api.clone()), talk);
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1."),
        "{answer:?}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::testing::{Seeds, check_corpus};

    fn seeds() -> Seeds {
        let mut seeds: Seeds = [
            ("index", "GET /"),
            ("health", "GET /healthz"),
            ("ready", "GET /readyz"),
            ("metrics", "HEAD /metrics"),
            ("summary", "GET /api/v1/summary"),
            ("neighbors", "GET /api/v1/neighbors"),
            ("neighbor", "GET /api/v1/neighbors/Mesh_192_0_2_12"),
            ("neighbor-by-address", "GET /api/v1/neighbors/192.0.2.254"),
            ("neighbor-encoded", "GET /api/v1/neighbors/%4desh%5F192_0_2_12"),
            ("neighbor-broken-encoding", "GET /api/v1/neighbors/%ff%2"),
            ("plan", "GET /api/v1/plan"),
            ("datastore", "GET /api/v1/datastore"),
            ("groups", "GET /api/v1/updategroups"),
            ("fib", "GET /api/v1/fib?prefix=10.65.0.0/16&longer"),
            ("routes", "GET /api/v1/routes"),
            ("routes-longer", "GET /api/v1/routes?prefix=10.65.0.0%2F16&longer=true&family=ipv4"),
            ("routes-received", "GET /api/v1/routes?received=Mesh_192_0_2_12"),
            ("routes-advertised", "GET /api/v1/routes?advertised=192.0.2.12&family=ipv6"),
            ("routes-both", "GET /api/v1/routes?advertised=a&received=b"),
            ("routes-mixed-families", "GET /api/v1/routes?prefix=fd00::/8&family=ipv4"),
            ("routes-twice", "GET /api/v1/routes?longer&longer=false"),
            ("explain", "GET /api/v1/explain?prefix=10.65.1.7&to=Mesh_192_0_2_12"),
            ("explain-unknown", "GET /api/v1/explain?prefix=10.64.0.0/10"),
            ("groups", "GET /api/v1/updategroups?member=192.0.2.12&family=ipv4"),
            ("unknown-action", "POST /api/v1/neighbors/a/restart"),
            ("unknown-parameter", "GET /api/v1/routes?filter=x&&=&%3d=%26"),
            ("unknown-address", "GET /api/v2"),
            ("other-method", "POST /api/v1/plan"),
            ("absolute", "GET http://localhost/healthz?x#y"),
            ("asterisk", "OPTIONS *"),
            ("http", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
            (
                "http-two",
                "GET /api/v1/routes HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.0\r\n\r\n",
            ),
            (
                "http-chunked",
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            ),
            ("http-continue", "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nab"),
            ("http-broken", "GET /\r\n: \r\n\r\n"),
        ]
        .map(|(name, text)| (name, text.into()))
        .into();
        seeds.push((
            "http-not-text",
            b"GET /\xff HTTP/1.1\r\nA: \x00\r\n\r\n".to_vec(),
        ));
        seeds
    }

    #[test]
    fn the_corpus_does_no_harm() {
        check_corpus("control_request", seeds(), request);
    }
}
