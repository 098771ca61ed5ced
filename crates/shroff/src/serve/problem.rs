//! What is wrong, as RFC 9457 says it: for a reply, and for a record within one.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::api::AllowedName;

/// A problem. The texts are for whoever sent the request; none has an account in it.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Problem(Box<Details>);

/// What is wrong, as RFC 9457 says it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "urn:shroff:problem:bad-request", "title": "The request cannot be read", "status": 400,
    "detail": "`limit` cannot be asked so", "hint": "limit (1 to 500), cursor"
}))]
pub(crate) struct Details {
    /// Which kind of problem it is: the same text for the same kind.
    #[serde(rename = "type")]
    #[schema(max_length = 64, pattern = "^urn:shroff:problem:[a-z-]+$")]
    kind: String,
    #[schema(max_length = 128)]
    title: &'static str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false, max_length = 4096)]
    detail: String,
    /// Which record of those that were sent, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    field: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 80)]
    value: Option<String>,
    /// What to try.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false, max_length = 4096)]
    hint: String,
    /// Where somebody else was faster: what it is at now.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<u64>,
    /// Where it may not be done in this state: which it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 32)]
    state: Option<&'static str>,
    /// What may be done in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 16, value_type = Vec<AllowedName>)]
    allowed: Vec<&'static str>,
    /// Seconds; a header, and no part of the text.
    #[serde(skip)]
    retry_after: u32,
}

impl Problem {
    /// A problem of a kind: the last part of its type, its title and its status.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Problem {
        let (name, title, status) = kind.says();
        Problem(Box::new(Details {
            kind: format!("urn:shroff:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            index: None,
            field: None,
            value: None,
            hint: String::new(),
            current_version: None,
            state: None,
            allowed: Vec::new(),
            retry_after: 1,
        }))
    }

    pub(crate) fn hint(mut self, hint: &str) -> Problem {
        hint.clone_into(&mut self.0.hint);
        self
    }

    /// After how many seconds to try again.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Problem {
        self.0.retry_after = seconds;
        self
    }

    /// Which record of those that were sent it is.
    pub(crate) fn at(mut self, index: Option<u64>) -> Problem {
        self.0.index = index;
        self
    }

    /// Which field it is, and its value where that can be no account.
    pub(crate) fn field(mut self, field: &'static str, value: Option<&str>) -> Problem {
        self.0.field = Some(field);
        self.0.value = value.map(|value| value.chars().take(80).collect());
        self
    }

    /// Which version it is at.
    pub(crate) fn version(mut self, current: u64) -> Problem {
        self.0.current_version = Some(current);
        self
    }

    /// Which state it is in, and what may be done in it.
    pub(crate) fn state(mut self, state: &'static str, allowed: Vec<&'static str>) -> Problem {
        (self.0.state, self.0.allowed) = (Some(state), allowed);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        // Writing to memory fails for no text and no number.
        out.extend(serde_json::to_vec(self).unwrap_or_default());
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = Vec::new();
        self.write(&mut body);
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(self.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        {
            headers.insert(RETRY_AFTER, HeaderValue::from(self.0.retry_after));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRecord,
    BadRequest,
    Conflict,
    Forbidden,
    Internal,
    MethodNotAllowed,
    NotAllowed,
    NotFound,
    NotShown,
    Overloaded,
    Stale,
    Stopped,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unreadable,
    UnsupportedMediaType,
}

impl Kind {
    fn says(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Kind::BadRecord => {
                ("bad-record", "The record is no payment", StatusCode::UNPROCESSABLE_ENTITY)
            }
            Kind::BadRequest => {
                ("bad-request", "The request cannot be read", StatusCode::BAD_REQUEST)
            }
            Kind::Conflict => ("conflict", "Another payment has this id", StatusCode::CONFLICT),
            Kind::Forbidden => ("forbidden", "The key may not do this", StatusCode::FORBIDDEN),
            Kind::Internal => (
                "internal",
                "Something is wrong with the service",
                StatusCode::INTERNAL_SERVER_ERROR,
            ),
            Kind::MethodNotAllowed => (
                "method-not-allowed",
                "The path is not asked this way",
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            Kind::NotAllowed => {
                ("not-allowed", "This may not be done in this state", StatusCode::CONFLICT)
            }
            Kind::NotShown => (
                "not-shown",
                "This cannot have been on the screen",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Kind::Stale => ("stale", "Somebody changed it since", StatusCode::CONFLICT),
            Kind::NotFound => ("not-found", "There is no such thing", StatusCode::NOT_FOUND),
            Kind::Overloaded => {
                ("overloaded", "Too much is waiting", StatusCode::TOO_MANY_REQUESTS)
            }
            Kind::Stopped => {
                ("stopped", "Nothing can be made durable", StatusCode::SERVICE_UNAVAILABLE)
            }
            Kind::TooLarge => ("too-large", "The body is too large", StatusCode::PAYLOAD_TOO_LARGE),
            Kind::Unauthorized => ("unauthorized", "A key is needed", StatusCode::UNAUTHORIZED),
            Kind::Unavailable => {
                ("unavailable", "The register cannot be asked", StatusCode::SERVICE_UNAVAILABLE)
            }
            Kind::Unreadable => (
                "unreadable-message",
                "The message cannot be read",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Kind::UnsupportedMediaType => (
                "unsupported-media-type",
                "The body is of a kind that is not read",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
        }
    }
}
