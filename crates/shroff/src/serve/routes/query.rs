//! What stands behind the `?` of a list.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use shroff_store::register::CaseState;
use shroff_types::{Action, Timestamp};
use utoipa::IntoParams;

use crate::serve::problem::{Kind, Problem};

/// The most that a page holds.
const MOST: u32 = 500;
/// The most letters of a value, and of a list of words.
const MOST_LETTERS: usize = 200;
const MOST_LIST_LETTERS: usize = 4_000;
/// What may be a list of words.
const LISTS: [&str; 3] = ["typology", "action", "state"];

pub(super) type RawQuery = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The values of a query; each is taken once, and what is left over is a mistake.
#[derive(Debug)]
pub(super) struct Wanted {
    values: BTreeMap<String, String>,
    known: String,
}

impl Wanted {
    /// `Known` describes all there are.
    pub(super) fn read<Known: IntoParams>(query: RawQuery) -> Result<Wanted, Problem> {
        let known = hint::<Known>();
        let query = query.map_err(|_| bad("the query cannot be read", &known))?;
        let mut values = BTreeMap::new();
        for (name, value) in query.0 {
            let short: String = name.chars().take(40).collect();
            let is_list = LISTS.contains(&name.as_str());
            let most = if is_list { MOST_LIST_LETTERS } else { MOST_LETTERS };
            if value.chars().count() > most {
                return Err(bad(&format!("the value of `{short}` is too long"), &known));
            }
            if values.insert(name, value).is_some() {
                return Err(bad(&format!("`{short}` is there twice"), &known));
            }
        }
        values.retain(|_, value| !value.is_empty());
        Ok(Wanted { values, known })
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    /// A value that a closure reads.
    pub(super) fn read_as<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.values.remove(name) else { return Ok(None) };
        match read(&value) {
            Some(value) => Ok(Some(value)),
            None => Err(bad(&format!("`{name}` cannot be asked so"), &self.known)),
        }
    }

    /// Words with commas between them, each as a closure reads it; `known` are those that there are.
    pub(super) fn words<T>(
        &mut self,
        name: &str,
        known: &[&str],
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, Problem> {
        let Some(value) = self.values.remove(name) else { return Ok(Vec::new()) };
        let word = |word: &str| read(word).ok_or_else(|| unknown_word(name, word, known));
        value.split(',').map(str::trim).map(word).collect()
    }

    pub(super) fn time(&mut self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.read_as(name, Timestamp::parse)
    }

    pub(super) fn limit(&mut self) -> Result<u32, Problem> {
        let read = |text: &str| text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        Ok(self.read_as("limit", read)?.unwrap_or(50))
    }

    /// Nothing else may stand there.
    pub(super) fn end(self) -> Result<(), Problem> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(40).collect();
                Err(bad(&format!("`{name}` cannot be asked so"), &self.known))
            }
        }
    }
}

/// All there are, with what each may be.
fn hint<Known: IntoParams>() -> String {
    let known = Known::into_params(|| None);
    let one = |it: &utoipa::openapi::path::Parameter| match &it.description {
        Some(about) => format!("{} ({about})", it.name),
        None => it.name.clone(),
    };
    known.iter().map(one).collect::<Vec<String>>().join(", ")
}

/// The names of the states of cases and alerts.
pub(super) fn states() -> [&'static str; CaseState::ALL.len()] {
    CaseState::ALL.map(CaseState::name)
}

/// What is said of a word that is none of those that there are.
pub(super) fn unknown_word(name: &str, word: &str, known: &[&str]) -> Problem {
    let word: String = word.chars().take(40).collect();
    let what = format!("`{name}` has the word `{word}`, which is none of those that there are");
    bad(&what, &format!("one of, or several with commas between them: {}", known.join(", ")))
}

fn bad(what: &str, hint: &str) -> Problem {
    Problem::new(Kind::BadRequest, what).hint(hint)
}

/// A share of 1 in thousandths.
pub(super) fn permille(text: &str) -> Option<u16> {
    let score = text.parse::<f64>().ok().filter(|score| (0.0..=1.0).contains(score))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of 1, so 0 to 1000"
    )]
    let permille = (score * 1_000.0).round() as u16;
    Some(permille)
}

/// What may be suggested.
pub(crate) const ACTIONS: [Action; 3] = [Action::None, Action::Review, Action::Hold];

pub(super) fn action(text: &str) -> Option<Action> {
    ACTIONS.into_iter().find(|action| action.name() == text)
}
