//! The router: one request to one response.

use std::sync::Arc;
use std::time::SystemTime;

use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;

use super::answer::{
    DatastoreAnswer, ErrorAnswer, ErrorBody, LivenessAnswer, Neighbor, NeighborsAnswer,
    ReadinessAnswer, Summary,
};
use super::body::ResponseBody;
use super::params::{Params, percent_decode};
use super::timestamp::Timestamp;
use super::view::{Operators, QueryError, Views};
use super::{explain, listing, metrics_view, operate, status_page};
use crate::metrics::{self, Metrics};

/// What answers need.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) views: Views,
    pub(super) metrics: Arc<Metrics>,
    /// Who does what operators wish; `None` where only questions are allowed.
    pub(super) operators: Option<Arc<dyn Operators>>,
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let body = ErrorBody {
            code: code.to_owned(),
            message: message.into(),
            field: None,
        };
        Self { status, body }
    }

    /// A parameter is unknown or has a value that is not allowed.
    pub(super) fn parameter(name: &str, reason: &str) -> Self {
        let message = format!("parameter {name} {reason}");
        let mut error = Self::new(StatusCode::BAD_REQUEST, "bad_parameter", message);
        error.body.field = Some(name.to_owned());
        error
    }

    /// No session has this name or address; `field` is the parameter that gave it, if one did.
    pub(super) fn no_neighbor(name: &str, field: Option<&str>) -> Self {
        let message = format!("no session has the name or address {name:?}");
        let mut error = Self::new(StatusCode::NOT_FOUND, "no_such_neighbor", message);
        error.body.field = field.map(str::to_owned);
        error
    }

    /// The same, with the parameter at fault.
    pub(super) fn in_field(mut self, name: &str) -> Self {
        self.body.field = Some(name.to_owned());
        self
    }

    fn no_such_address(path: &str) -> Self {
        let message = format!("nothing is at {path:?}; / lists what there is");
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn response(self) -> Response<ResponseBody> {
        json(self.status, &ErrorAnswer { error: self.body })
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let status = match error {
            QueryError::Gone(_) => StatusCode::SERVICE_UNAVAILABLE,
            QueryError::Late(_) => StatusCode::GATEWAY_TIMEOUT,
            QueryError::Mismatch(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, "no_answer", error.to_string())
    }
}

/// An answer, or why there is none.
pub(super) type ApiResult = Result<Response<ResponseBody>, ApiError>;

impl Api {
    /// Answers one request; its body is not looked at.
    pub(super) async fn respond<B>(
        &self,
        request: &Request<B>,
        now: SystemTime,
    ) -> Response<ResponseBody> {
        let uri = request.uri();
        if let Some(target) = operate::target(uri.path()) {
            if *request.method() != Method::POST {
                return operate::only_post(request.method());
            }
            let answered = self.operate(target, uri.query()).await;
            return answered.unwrap_or_else(ApiError::response);
        }
        if *request.method() == Method::POST
            && let Some(error) = operate::unknown(uri.path())
        {
            return error.response();
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let message = format!("{} is not allowed here, only GET", request.method());
            let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "bad_method", message);
            let mut response = error.response();
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        let answered = self.route(uri.path(), uri.query(), now.into()).await;
        answered.unwrap_or_else(ApiError::response)
    }

    async fn route(&self, path: &str, query: Option<&str>, now: Timestamp) -> ApiResult {
        if let Some(name) = path.strip_prefix("/api/v1/neighbors/") {
            Params::parse(query, &[])?;
            return self.neighbor(name, now).await;
        }
        match path {
            "/api/v1/explain" => return explain::explain(&self.views, query, now).await,
            "/api/v1/updategroups" => return listing::groups(&self.views, query).await,
            "/api/v1/routes" => return listing::routes(&self.views, query).await,
            "/api/v1/fib" => return listing::fib(&self.views, query).await,
            _ => Params::parse(query, &[])?,
        };
        match path {
            "/" => Ok(self.status_page(now).await),
            "/healthz" => Ok(self.health().await),
            "/readyz" => Ok(self.ready()),
            "/metrics" => self.metrics().await,
            "/api/v1/summary" => Ok(ok(&Summary::of(&self.views, now).await)),
            "/api/v1/neighbors" => Ok(self.neighbors(now).await),
            "/api/v1/plan" => self.plan(),
            "/api/v1/datastore" => Ok(self.datastore(now)),
            _ => Err(ApiError::no_such_address(path)),
        }
    }

    async fn neighbors(&self, now: Timestamp) -> Response<ResponseBody> {
        let counts = self.views.counts().await.ok();
        let sessions = self.views.sessions();
        let neighbors = sessions.iter().map(|view| {
            let prefixes = counts
                .as_ref()
                .map(|counts| counts.get(&view.id).copied().unwrap_or_default());
            Neighbor::of(view, prefixes, now)
        });
        ok(&NeighborsAnswer {
            neighbors: neighbors.collect(),
        })
    }

    async fn neighbor(&self, name: &str, now: Timestamp) -> ApiResult {
        let session = percent_decode(name).and_then(|name| self.views.session(&name));
        let Some(view) = session else {
            return Err(ApiError::no_neighbor(name, None));
        };
        let counts = self.views.counts().await.ok();
        let prefixes = counts.map(|counts| counts.get(&view.id).copied().unwrap_or_default());
        Ok(ok(&Neighbor::of(&view, prefixes, now)))
    }

    fn plan(&self) -> ApiResult {
        let plan = self.views.plan.borrow().clone();
        match plan {
            Some(plan) => Ok(ok(&*plan)),
            None => Err(ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "no_plan",
                "there is no plan yet: the datastore has not been read completely",
            )),
        }
    }

    fn datastore(&self, now: Timestamp) -> Response<ResponseBody> {
        let plan = self.views.plan.borrow().clone();
        let view = self.views.datastore.borrow().clone();
        ok(&DatastoreAnswer::of(&view, plan.as_deref(), now))
    }

    /// Live means that the routing table still answers: the RIB owns all routes.
    async fn health(&self) -> Response<ResponseBody> {
        let (status, live, detail) = match self.views.totals().await {
            Ok(_) => (StatusCode::OK, true, "the routing table answers".to_owned()),
            Err(error) => (StatusCode::SERVICE_UNAVAILABLE, false, error.to_string()),
        };
        json(status, &LivenessAnswer { live, detail })
    }

    fn ready(&self) -> Response<ResponseBody> {
        let answer = ReadinessAnswer::from(&*self.views.readiness.borrow());
        let status = if answer.ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        json(status, &answer)
    }

    async fn metrics(&self) -> ApiResult {
        let sample = metrics_view::sample(&self.views).await;
        match self.metrics.render(&sample) {
            Ok(text) => Ok(respond(
                StatusCode::OK,
                metrics::CONTENT_TYPE,
                ResponseBody::whole(text),
            )),
            Err(error) => Err(ApiError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "bad_metrics",
                error.to_string(),
            )),
        }
    }

    async fn status_page(&self, now: Timestamp) -> Response<ResponseBody> {
        let page = status_page::render(&Summary::of(&self.views, now).await);
        let mut response = respond(
            StatusCode::OK,
            "text/html; charset=utf-8",
            ResponseBody::whole(page),
        );
        // The page brings its style along and needs nothing else from anywhere.
        let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
        response
            .headers_mut()
            .insert(hyper::header::CONTENT_SECURITY_POLICY, policy);
        response
    }
}

/// A response of a type; answers are of the moment, so nobody should keep them.
pub(super) fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: ResponseBody,
) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn ok(value: &impl Serialize) -> Response<ResponseBody> {
    json(StatusCode::OK, value)
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<ResponseBody> {
    match serde_json::to_vec(value) {
        Ok(bytes) => respond(status, "application/json", ResponseBody::whole(bytes)),
        // No type here can fail, short of a map key that is no text; say so rather than panic.
        Err(error) => respond(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain; charset=utf-8",
            ResponseBody::whole(error.to_string()),
        ),
    }
}
