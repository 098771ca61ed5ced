//! The description of the service for programs: `OpenAPI` 3.1, made from the paths themselves.

mod answers;
mod shapes;

use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;

use std::sync::Arc;

pub(crate) use self::answers::{
    Asked, Big, Busy, Found, Open, Raced, Refused, Typed, Unknown, Unprocessed, Wrong,
};
pub(crate) use self::shapes::*;
use super::http::{self, Shared};
use super::problem::Details;

const ABOUT: &str = "Payments in, verdicts out, and the register of what was found. Programs show a \
key (`Authorization: Bearer`), people a session (a cookie; whatever changes something carries \
`X-CSRF-Token`). Every error is a problem of RFC 9457. Accounts are tokens in every answer.";

/// The router of the service, which gathers the description beside it.
pub(crate) fn begun() -> OpenApiRouter<Arc<Shared>> {
    let licence = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Shroff")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(licence))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A key of `shroff keys add`."))
        .build();
    let cookie = ApiKeyValue::with_description("shroff_session", "As `POST /v1/session` sets it.");
    let csrf = ApiKeyValue::with_description("X-CSRF-Token", "The `csrf` of the session.");
    let components = ComponentsBuilder::new()
        .schema_from::<Details>()
        // Asked for alone, which is not gathered.
        .schema_from::<AlertOrder>()
        .schema_from::<Order>()
        .schema_from::<AuditEntry>()
        .schema_from::<WrongRules>()
        .security_scheme("key", SecurityScheme::Http(bearer))
        .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)))
        .security_scheme("csrf", SecurityScheme::ApiKey(ApiKey::Header(csrf)))
        .build();
    let api = OpenApiBuilder::new().info(info).components(Some(components)).build();
    OpenApiRouter::with_openapi(api)
}

/// Says of each path who may ask it, where it does not itself, and what is always so.
pub(crate) fn complete(api: &mut OpenApi) {
    let nobody: [&str; 0] = [];
    let key = || SecurityRequirement::new("key", nobody);
    let session = || SecurityRequirement::new("session", nobody);
    for item in api.paths.paths.values_mut() {
        let reads = item.get.iter_mut().map(|operation| (operation, false));
        let writes = [&mut item.post, &mut item.patch, &mut item.put, &mut item.delete];
        let writes = writes.into_iter().flatten().map(|operation| (operation, true));
        for (operation, changes) in reads.chain(writes) {
            let session = if changes { session().add("csrf", nobody) } else { session() };
            operation.security.get_or_insert_with(|| vec![key(), session]);
        }
    }
}

/// The description.
pub(crate) fn description() -> OpenApi {
    http::routes().into_openapi()
}

/// The description as it is printed and kept: a line at its end.
pub(crate) fn text() -> anyhow::Result<String> {
    let mut text = description().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn told() -> Value {
        serde_json::to_value(description()).expect("JSON")
    }

    #[test]
    fn every_path_of_the_router_is_described_and_the_reverse() {
        let (router, api) = http::routes().split_for_parts();
        let described: BTreeSet<String> = api.paths.paths.keys().cloned().collect();
        // The router tells its paths by its Debug alone, each in quotes.
        let debug = format!("{router:?}");
        let routed = debug.split('"').skip(1).step_by(2).filter(|text| text.starts_with('/'));
        // Where nothing else is: the answer that there is no such path.
        let routed = routed.filter(|text| *text != "/" && !text.contains("axum_fallback"));
        assert_eq!(routed.map(str::to_owned).collect::<BTreeSet<String>>(), described);
        assert!(described.contains("/v1/cases/{id}/commands"), "{described:?}");
    }

    /// What is not said of a schema, and should be.
    fn gaps(schema: &Value, place: &str, found: &mut Vec<String>) {
        let has = |names: &[&str]| names.iter().any(|name| schema.get(name).is_some());
        let is = |kind: &str| {
            let kinds = &schema["type"];
            kinds == kind || kinds.as_array().is_some_and(|kinds| kinds.contains(&kind.into()))
        };
        let mut wants = |wanted: bool, what: &str| {
            if wanted {
                found.push(format!("{place}: {what}"));
            }
        };
        wants(is("string") && !has(&["maxLength", "enum", "format"]), "no bound");
        wants(is("integer") && !has(&["minimum", "format"]), "no bound");
        wants(is("number") && !has(&["minimum", "exclusiveMinimum", "format"]), "no bound");
        wants(is("array") && !has(&["maxItems"]), "no bound");
        let properties = schema.get("properties").and_then(Value::as_object);
        let is_changed_in_part = matches!(place, "Change" | "WebhookChange");
        wants(properties.is_some() && !has(&["required"]) && !is_changed_in_part, "no `required`");
        for (name, property) in properties.into_iter().flatten() {
            gaps(property, &format!("{place}.{name}"), found);
        }
        if let Some(items) = schema.get("items") {
            gaps(items, &format!("{place}[]"), found);
        }
        for word in ["oneOf", "anyOf", "allOf"] {
            for part in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
                gaps(part, &format!("{place}/{word}"), found);
            }
        }
    }

    #[test]
    fn every_schema_has_an_example_and_bounds_and_says_what_is_always_there() {
        let told = told();
        let schemas = told["components"]["schemas"].as_object().expect("schemas");
        let mut found = Vec::new();
        for (name, schema) in schemas {
            // What is no text has no example that could be written here.
            let is_binary = schema["format"] == "binary";
            if schema.get("example").is_none() && !is_binary {
                found.push(format!("{name}: no example"));
            }
            gaps(schema, name, &mut found);
        }
        assert_eq!(found, Vec::<String>::new());
        let text = told.to_string();
        for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().expect("a name");
            assert!(schemas.contains_key(name), "{name} is told of nowhere");
        }
        assert!(schemas.len() > 50, "{}", schemas.len());
    }

    #[test]
    fn the_names_that_are_told_are_those_that_there_are() {
        use crate::serve::keys::{RIGHTS, Role};
        use clap::ValueEnum as _;
        use shroff_store::register::{CaseState, CommandKind, HoldEnd, Outcome};
        let told = told();
        let listed = |name: &str| -> BTreeSet<String> {
            let words = told["components"]["schemas"][name]["enum"].as_array();
            let words = words.unwrap_or_else(|| panic!("{name} is no list of words")).iter();
            words.map(|word| word.as_str().expect("a word").to_owned()).collect()
        };
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let people: Vec<String> = Role::value_variants()
            .iter()
            .filter(|role| role.is_of_a_person())
            .map(|role| role.name().to_owned())
            .collect();
        let holds = ["open", HoldEnd::Released.name(), HoldEnd::Returned.name()];
        let rules = {
            use crate::serve::versions::State::{Active, Proposed, Rejected, Retired, Shadow};
            [Active, Shadow, Proposed, Retired, Rejected].map(crate::serve::versions::State::name)
        };
        let wanted: [(&str, BTreeSet<String>); 8] = [
            ("State", names(&CaseState::ALL.map(CaseState::name))),
            ("CommandName", names(&CommandKind::ALL.map(CommandKind::name))),
            ("RightName", names(&RIGHTS.map(crate::serve::keys::Right::name))),
            ("PersonRole", people.into_iter().collect()),
            ("Outcome", names(&[Outcome::Report.name(), Outcome::NoReport.name()])),
            ("HoldState", names(&holds)),
            ("RulesState", names(&rules)),
            ("Action", names(&crate::serve::routes::ACTIONS.map(shroff_types::Action::name))),
        ];
        for (name, wanted) in wanted {
            assert_eq!(listed(name), wanted, "{name}");
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_who_may_ask_and_what_may_go_wrong() {
        let told = told();
        let mut names = BTreeSet::new();
        for (path, item) in told["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("an item") {
                let name = operation["operationId"].as_str().expect("a name");
                assert!(names.insert(name.to_owned()), "{name} is there twice");
                assert!(operation["summary"].is_string(), "{method} {path}");
                let security = operation["security"].as_array().expect("who may ask");
                let is_open = security.iter().any(|it| it == &serde_json::json!({}));
                let answers = operation["responses"].as_object().expect("answers");
                assert!(is_open || answers.contains_key("401"), "{method} {path}");
                assert!(answers.contains_key("500"), "{method} {path}");
                for (status, answer) in
                    answers.iter().filter(|(status, _)| *status >= &"4".to_owned())
                {
                    let problem = &answer["content"]["application/problem+json"]["schema"]["$ref"];
                    let is_of_rules = path.starts_with("/v1/rules") && status == "422";
                    let name = ["Problem", "WrongRules"][usize::from(is_of_rules)];
                    assert_eq!(*problem, format!("#/components/schemas/{name}"), "{path} {status}");
                }
            }
        }
    }
}
