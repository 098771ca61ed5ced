//! Who asks. The one place that says so, whatever they show.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::http::Shared;
use super::keys::{Right, Role};
use super::problem::{Kind, Problem};

/// What acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActorKind {
    /// A person, by name.
    User,
    /// A machine.
    Key,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor {
    pub(crate) name: String,
    pub(crate) kind: ActorKind,
    pub(crate) role: Role,
}

impl Actor {
    /// Whether it is a person: only persons settle anything, and what they read is noted.
    pub(crate) fn is_person(&self) -> bool {
        self.kind == ActorKind::User
    }

    /// Refuses what the role does not go so far as to do.
    pub(crate) fn must(&self, right: Right) -> Result<(), Problem> {
        if self.role.may(right) {
            return Ok(());
        }
        Err(Problem::new(Kind::Forbidden, "the role of the key does not go so far"))
    }
}

/// Who asks, if they may do something: by the key in `Authorization`.
pub(crate) fn actor(shared: &Shared, headers: &HeaderMap, right: Right) -> Result<Actor, Problem> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(key) = header.and_then(|text| text.strip_prefix("Bearer ")) else {
        return Err(Problem::new(
            Kind::Unauthorized,
            "there is no `Authorization: Bearer` with a key",
        ));
    };
    let Some((name, role)) = shared.keys.who(key) else {
        return Err(Problem::new(Kind::Unauthorized, "the key is none of the service's"));
    };
    let kind = if role.is_of_a_person() { ActorKind::User } else { ActorKind::Key };
    let actor = Actor { name: name.to_owned(), kind, role };
    actor.must(right)?;
    Ok(actor)
}
