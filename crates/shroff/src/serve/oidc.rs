//! Signing in by the institution's own provider: OIDC, the authorization code flow with PKCE. The
//! provider says who it is and in which role; what they may is the service's own table.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IdTokenFields, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shroff_types::Timestamp;
use ureq::tls::RootCerts;

use super::keys::Role;
use super::{place, tls};
use crate::cli::Provider;
use crate::outputs;

/// Where the provider sends the browser back to.
const CALLBACK: &str = "/v1/session/oidc/callback";
/// Who has not come back by then begins anew.
pub(crate) const PATIENCE_SECONDS: i64 = 600;
/// People who are with the provider at once.
const MOST_PENDING: usize = 1_000;
/// How long what the provider says of itself is believed: its keys change.
const BELIEVED_MICROS: i64 = 600 * 1_000_000;
/// How long the provider may take, and how much it may say.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
const MOST_BYTES: u64 = 1 << 20;

/// The claims beside those that every provider knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct More {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for More {}

type Fields = IdTokenFields<
    More,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Talker = Client<
    More,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Somebody who is with the provider.
#[derive(Debug)]
pub(crate) struct Pending {
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    until: Timestamp,
}

/// Whom the provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vouched {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// What stands in the place of a password: whose it is at the provider, hashed.
    pub(crate) mark: String,
}

/// The provider, as the service knows it.
pub(crate) struct Oidc {
    issuer: IssuerUrl,
    client: ClientId,
    secret: Option<ClientSecret>,
    role_claim: String,
    /// Where browsers reach the service.
    base: OnceLock<String>,
    agent: ureq::Agent,
    known: Mutex<Option<(Arc<Talker>, Timestamp)>>,
    pending: Mutex<BTreeMap<String, Pending>>,
}

/// Where a browser goes, and what it must bring back.
pub(crate) struct Begun {
    pub(crate) address: String,
    pub(crate) state: String,
}

impl Oidc {
    /// What a command line asks for; none where it names no provider.
    pub(crate) fn of(provider: &Provider) -> anyhow::Result<Option<Oidc>> {
        let Provider { oidc_issuer, oidc_client, oidc_secret_file, oidc_role_claim, public_url } =
            provider;
        let (issuer, client) = match (oidc_issuer, oidc_client) {
            (None, None) => return Ok(None),
            (Some(issuer), Some(client)) => (issuer, client),
            _ => bail!("--oidc-issuer and --oidc-client go together"),
        };
        let base = OnceLock::new();
        if let Some(url) = public_url {
            must_be_safe(url, "--public-url")?;
            base.get_or_init(|| url.trim_end_matches('/').to_owned());
        }
        must_be_safe(issuer, "--oidc-issuer")?;
        Ok(Some(Oidc {
            issuer: IssuerUrl::new(issuer.clone()).context("--oidc-issuer is no URL")?,
            client: ClientId::new(client.clone()),
            secret: oidc_secret_file.as_deref().map(secret).transpose()?,
            role_claim: oidc_role_claim.clone(),
            base,
            agent: agent(),
            known: Mutex::default(),
            pending: Mutex::default(),
        }))
    }

    /// Where the service is reached, unless the command line said so.
    pub(crate) fn reached_at(&self, base: String) {
        self.base.get_or_init(|| base);
    }

    fn http(&self, request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
        let (head, body) = self.agent.run(request)?.into_parts();
        let body = body.into_with_config().limit(MOST_BYTES).read_to_vec()?;
        Ok(HttpResponse::from_parts(head, body))
    }

    /// The provider as it says it is. It waits for the network: not for a thread that answers.
    fn talker(&self, now: Timestamp) -> anyhow::Result<Arc<Talker>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((talker, at)) = known
            && (0..BELIEVED_MICROS).contains(&now.0.saturating_sub(at.0))
        {
            return Ok(talker);
        }
        let metadata = CoreProviderMetadata::discover(&self.issuer, &|it| self.http(it))
            .context("the provider does not say who it is")?;
        let base = self.base.get().context("where the service is reached is not known yet")?;
        let back = RedirectUrl::new(format!("{base}{CALLBACK}"))?;
        let talker =
            Talker::from_provider_metadata(metadata, self.client.clone(), self.secret.clone());
        let talker = Arc::new(talker.set_redirect_uri(back));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((Arc::clone(&talker), now));
        Ok(talker)
    }

    /// Sends somebody to the provider; none where too many are there.
    pub(crate) fn begin(&self, now: Timestamp) -> anyhow::Result<Option<Begun>> {
        let talker = self.talker(now)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (address, state, nonce) = talker
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        let until = Timestamp(now.0 + PATIENCE_SECONDS * 1_000_000);
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|_, one| one.until > now);
        if pending.len() >= MOST_PENDING {
            return Ok(None);
        }
        pending.insert(state.secret().clone(), Pending { nonce, verifier, until });
        Ok(Some(Begun { address: address.to_string(), state: state.into_secret() }))
    }

    /// What somebody who comes back was sent with: once.
    pub(crate) fn take(&self, state: &str, now: Timestamp) -> Option<Pending> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.remove(state).filter(|one| one.until > now)
    }

    /// Whom the provider vouches for, by the code that the browser brought. The provider's token is
    /// checked: its signature, who it is by and for, its times, and that it is of this attempt.
    pub(crate) fn finish(
        &self,
        code: String,
        pending: Pending,
        now: Timestamp,
    ) -> anyhow::Result<Vouched> {
        let talker = self.talker(now)?;
        let tokens = talker
            .exchange_code(AuthorizationCode::new(code))?
            .set_pkce_verifier(pending.verifier)
            .request(&|it| self.http(it))
            .context("the provider gives no token for the code")?;
        let token = tokens.extra_fields().id_token().context("the provider gives no identity")?;
        let claims = token
            .claims(&talker.id_token_verifier(), &pending.nonce)
            .context("the token of the provider cannot be believed")?;
        let subject = claims.subject().as_str();
        let name = claims.preferred_username().map_or(subject, |name| name.as_str());
        let role = role_in(&claims.additional_claims().all, &self.role_claim)?;
        let whose = format!("{}\n{subject}", self.issuer.as_str());
        let mark = format!("oidc:{}", outputs::sha256(whose.as_bytes()));
        Ok(Vouched { name: name.to_owned(), role, mark })
    }
}

fn agent() -> ureq::Agent {
    let config = tls::asking(RootCerts::PlatformVerifier);
    config.timeout_global(Some(ANSWERS_WITHIN)).build().new_agent()
}

fn secret(path: &Path) -> anyhow::Result<ClientSecret> {
    place::private_text(path).map(ClientSecret::new)
}

/// What is said in the open can be changed on its way; on this machine there is no way.
pub(super) fn must_be_safe(url: &str, option: &str) -> anyhow::Result<()> {
    let is_here = ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|here| {
        let rest = url.strip_prefix(here);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    if url.starts_with("https://") || is_here {
        return Ok(());
    }
    bail!("{option} is no `https://` URL\nhint: `http://` is for this machine alone, 127.0.0.1");
}

/// The role that a claim names: a text or a list of texts, of which exactly one is a role. A claim
/// within a claim is named with dots.
fn role_in(claims: &Map<String, Value>, path: &str) -> anyhow::Result<Role> {
    let mut parts = path.split('.');
    let mut found = parts.next().and_then(|part| claims.get(part));
    for part in parts {
        found = found.and_then(|value| value.get(part));
    }
    let texts: Vec<&str> = match found {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let roles = texts.iter().filter_map(|text| Role::from_str(text, false).ok());
    let roles: Vec<Role> = roles.filter(|role| role.is_of_a_person()).collect();
    match roles.as_slice() {
        [role] => Ok(*role),
        [] => bail!("the claim `{path}` names no role"),
        [_, _, ..] => bail!("the claim `{path}` names several roles"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_names_exactly_one_role() {
        let claims = serde_json::json!({
            "role": "reviewer", "roles": ["staff", "auditor"], "both": ["analyst", "reviewer"],
            "machine": "payment-system", "realm": { "roles": ["analyst"] }, "odd": 7,
        });
        let claims = claims.as_object().expect("an object");
        for (path, wanted) in [
            ("role", Ok(Role::Reviewer)),
            ("roles", Ok(Role::Auditor)),
            ("realm.roles", Ok(Role::Analyst)),
            ("both", Err("several roles")),
            ("machine", Err("no role")),
            ("odd", Err("no role")),
            ("realm", Err("no role")),
            ("role.roles", Err("no role")),
            ("gone", Err("no role")),
        ] {
            match (role_in(claims, path), wanted) {
                (Ok(role), Ok(wanted)) => assert_eq!(role, wanted, "{path}"),
                (Err(error), Err(wanted)) => assert!(error.to_string().contains(wanted), "{path}"),
                (got, _) => panic!("{path}: {got:?}"),
            }
        }
    }

    #[test]
    fn a_provider_is_asked_in_the_open_on_this_machine_alone() {
        for (url, wanted) in [
            ("https://sso.bank.example", true),
            ("http://127.0.0.1:8080/realm", true),
            ("http://localhost", true),
            ("http://sso.bank.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://localhost@evil.example", false),
            ("ftp://x", false),
        ] {
            assert_eq!(must_be_safe(url, "--oidc-issuer").is_ok(), wanted, "{url}");
        }
    }
}
