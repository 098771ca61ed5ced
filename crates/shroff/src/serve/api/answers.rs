//! The problems that paths answer with, by what is done on them.

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::shapes::WrongRules;
use crate::serve::problem::Details;

type Responses = BTreeMap<String, RefOr<Response>>;

/// What a status says.
fn says(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be read; `detail` says where, `hint` what would be",
        401 => "There is no key and no session that the service knows",
        403 => "The role does not go so far, or `X-CSRF-Token` is not that of the session",
        404 => "There is no such thing",
        409 => "Somebody was faster, or it may not be done in this state",
        413 => "There is too much at once",
        415 => "The body is of a kind that is not read",
        422 => "What was sent is read, and is not what it must be",
        429 => "Too much is waiting, or was asked: again after the seconds of `Retry-After`",
        503 => "Nothing can be made durable, or the register cannot be asked",
        _ => "Something is wrong with the service",
    }
}

fn problems(statuses: &[u16]) -> Responses {
    problems_as(&Details::name(), statuses)
}

/// The same, where a problem has more to it.
fn problems_as(schema: &str, statuses: &[u16]) -> Responses {
    let problem = |status: &u16| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        let mut response = ResponseBuilder::new()
            .description(says(*status))
            .content("application/problem+json", content);
        let text = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
        let (header, schema) = match status {
            401 => ("WWW-Authenticate", text),
            429 | 503 => (
                "Retry-After",
                ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(0)),
            ),
            _ => ("", text),
        };
        if !header.is_empty() {
            response = response.header(header, HeaderBuilder::new().schema(Some(schema)).build());
        }
        (status.to_string(), RefOr::T(response.build()))
    };
    statuses.iter().map(problem).collect()
}

macro_rules! problems {
    ($($(#[$about:meta])* $name:ident: [$($status:literal),+],)+) => { $(
        $(#[$about])*
        pub(crate) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> Responses {
                problems(&[$($status),+])
            }
        }
    )+ };
}

problems! {
    /// On every path that asks who it is.
    Asked: [400, 401, 403, 429, 500, 503],
    /// On those that do not.
    Open: [400, 500, 503],
    /// Where it names something that may not be there.
    Found: [404],
    /// Where others may have been faster.
    Raced: [409],
    /// Where a body is bounded.
    Big: [413],
    /// Where a body is of one kind or another.
    Typed: [415],
    /// Where what is read may not be what it must be.
    Unprocessed: [422],
    /// Where a token may be none of ours.
    Refused: [403],
    /// Where name and password may be nobody's.
    Unknown: [401],
    /// Where it may be asked too often.
    Busy: [429],
}

/// Where rules may be wrong.
pub(crate) enum Wrong {}

impl IntoResponses for Wrong {
    fn responses() -> Responses {
        problems_as(&WrongRules::name(), &[422])
    }
}
