//! What an operator may do to a session: `POST /api/v1/neighbors/NAME/ACTION`.

use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Response, StatusCode};

use super::answer::ActionAnswer;
use super::api::{Api, ApiError, ApiResult, ok};
use super::body::ResponseBody;
use super::params::{Params, percent_decode};
use super::view::{OperateError, operate};
use crate::plan::PeerName;
use crate::session::{OperatorAction, OperatorRefusal};

/// The longest text that a NOTIFICATION takes along, in octets (RFC 9003 §2).
const MESSAGE_OCTETS_MAX: usize = 255;

const ACTIONS: [&str; 5] = ["reset", "soft-in", "soft-out", "shutdown", "enable"];

/// The session and the action that a path names, if it has the form of one.
pub(super) fn target(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/api/v1/neighbors/")?;
    let (name, action) = rest.split_once('/')?;
    ACTIONS.contains(&action).then_some((name, action))
}

/// The error of a `POST` that has the form of an action and is none; `None` for another path.
pub(super) fn unknown(path: &str) -> Option<ApiError> {
    let (_, action) = path.strip_prefix("/api/v1/neighbors/")?.split_once('/')?;
    let message = format!("there is no action {action:?}: use {}", ACTIONS.join(", "));
    Some(ApiError::new(
        StatusCode::NOT_FOUND,
        "no_such_action",
        message,
    ))
}

/// The answer to anything but `POST` at an action.
pub(super) fn only_post(method: &Method) -> Response<ResponseBody> {
    let message = format!("{method} is not allowed here, only POST");
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "bad_method", message);
    let mut response = error.response();
    let allowed = HeaderValue::from_static("POST");
    response.headers_mut().insert(ALLOW, allowed);
    response
}

impl Api {
    /// Does what an operator asks for; only on the unix socket.
    pub(super) async fn operate(
        &self,
        (name, action): (&str, &str),
        query: Option<&str>,
    ) -> ApiResult {
        let Some(operators) = &self.operators else {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "unix_socket_only",
                "this is only allowed on the unix socket",
            ));
        };
        let wish = wish(action, query)?;
        let session = percent_decode(name).and_then(|name| self.views.session(&name));
        let Some(view) = session else {
            return Err(ApiError::no_neighbor(name, None));
        };
        let peer = PeerName(view.name.as_str().into());
        let message = operate(&**operators, peer, wish).await?;
        Ok(ok(&ActionAnswer {
            neighbor: view.name.clone(),
            action: action.to_owned(),
            message,
        }))
    }
}

fn wish(action: &str, query: Option<&str>) -> Result<OperatorAction, ApiError> {
    let allowed: &[&str] = match action {
        "reset" => &["hard"],
        "shutdown" => &["message"],
        _ => &[],
    };
    let params = Params::parse(query, allowed)?;
    Ok(match action {
        "reset" => OperatorAction::Reset {
            hard: params.switch("hard")?,
        },
        "soft-in" => OperatorAction::SoftIn,
        "soft-out" => OperatorAction::SoftOut,
        "shutdown" => {
            let message = params.text("message").unwrap_or_default();
            if message.len() > MESSAGE_OCTETS_MAX {
                let reason = format!(
                    "has {} octets, may have {MESSAGE_OCTETS_MAX} (RFC 9003)",
                    message.len()
                );
                return Err(ApiError::parameter("message", &reason));
            }
            OperatorAction::Shutdown(message.into())
        }
        _ => OperatorAction::Enable,
    })
}

impl From<OperateError> for ApiError {
    fn from(error: OperateError) -> Self {
        match error {
            OperateError::NoAnswer(error) => error.into(),
            OperateError::Refused(refusal) => {
                let code = match refusal {
                    OperatorRefusal::NoSession => "no_such_neighbor",
                    OperatorRefusal::NotEstablished => "not_established",
                    OperatorRefusal::NoRouteRefresh => "no_route_refresh",
                    OperatorRefusal::Held(_) => "held",
                };
                Self::new(StatusCode::CONFLICT, code, refusal.to_string())
            }
        }
    }
}
