//! The way to a receiver: where one may be, and what it answers. Nothing of its answer is kept but
//! the status.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use axum::http::Uri;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use shroff_types::Span;
use tokio_rustls::rustls::Error as TlsError;
use ureq::config::Config;
use ureq::tls::RootCerts;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::serve::tls;

/// The longest address.
const MOST_LETTERS: usize = 2_000;
/// What is read of an answer, so that the connection can be used again.
const MOST_BYTES: u64 = 4_096;
/// Connections to an endpoint are kept for the next message so long.
const IDLE: Duration = Duration::from_secs(15);

/// What is sent.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) url: String,
    pub(crate) id: String,
    /// When, in seconds since 1970.
    pub(crate) seconds: i64,
    pub(crate) signature: String,
    pub(crate) body: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Came {
    /// It was taken.
    Taken(u16),
    /// The receiver wants no more.
    Gone,
    /// The receiver answered, and did not take this message.
    Refused { status: u16, why: String },
    /// Nobody is there to take any, for now; perhaps for so many seconds.
    Away { status: Option<u16>, why: String, asked: Option<i64> },
}

impl Came {
    /// Whether it was taken, and what was answered.
    pub(crate) fn status(&self) -> (bool, Option<u16>) {
        match self {
            Came::Taken(status) => (true, Some(*status)),
            Came::Gone => (false, Some(410)),
            Came::Refused { status, .. } => (false, Some(*status)),
            Came::Away { status, .. } => (false, *status),
        }
    }
}

/// How receivers are reached.
#[derive(Debug)]
pub(crate) struct Reach {
    agent: ureq::Agent,
    is_private: bool,
}

impl Reach {
    /// `is_private` is whether they may be on this machine and in networks of the institution.
    pub(crate) fn new(is_private: bool, timeout: Span) -> Reach {
        // A proxy of the environment could lead where the address must not.
        let config = tls::asking(RootCerts::PlatformVerifier)
            .proxy(None)
            .max_idle_age(IDLE)
            .timeout_global(Some(Duration::from_micros(timeout.micros().unsigned_abs())))
            .build();
        let guarded = Guarded { names: DefaultResolver::default(), is_private };
        let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), guarded);
        Reach { agent, is_private }
    }

    /// Says why nobody can be told at an address.
    pub(crate) fn check(&self, url: &str) -> Result<(), &'static str> {
        let is_plain = url.chars().all(|letter| letter.is_ascii_graphic());
        if url.len() > MOST_LETTERS || !is_plain || url.contains('#') {
            return Err("it is no URL of 2000 letters or fewer, without a fragment");
        }
        let Ok(uri) = url.parse::<Uri>() else { return Err("it is no URL") };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err("it has no host");
        }
        if authority.contains('@') {
            return Err("it has a user in it: the signature says who sends");
        }
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        if literal.is_some_and(|address| !self.is_private && !is_public(address)) {
            return Err(
                "it is this machine or a private network, and `--webhook-private` is not set",
            );
        }
        let is_here = host == "localhost" || literal.is_some_and(|address| address.is_loopback());
        match uri.scheme_str() {
            Some("https") => Ok(()),
            Some("http") if is_here && self.is_private => Ok(()),
            _ => Err("it is no `https://` URL; `http://` is for this machine alone, with \
                      `--webhook-private`"),
        }
    }

    /// Sends a message, and waits for what is answered: not on a thread that answers others.
    pub(crate) fn send(&self, message: &Message) -> Came {
        let away = |why: &str| Came::Away { status: None, why: why.to_owned(), asked: None };
        // What was allowed once need not be any more.
        if let Err(why) = self.check(&message.url) {
            return away(why);
        }
        let sent = self
            .agent
            .post(&message.url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("shroff/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", message.seconds.to_string())
            .header("webhook-signature", &message.signature)
            .send(message.body.as_str());
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return away(&said(&error)),
        };
        let status = response.status().as_u16();
        let asked = response.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok());
        let asked = asked.and_then(|text| text.trim().parse().ok());
        // What is left of an answer closes the connection; what goes wrong here changes nothing.
        drop(response.body_mut().as_reader().take(MOST_BYTES).read_to_end(&mut Vec::new()));
        let why = format!("answered {status}");
        match status {
            200..=299 => Came::Taken(status),
            410 => Came::Gone,
            408 | 429 | 502..=504 => Came::Away { status: Some(status), why, asked },
            _ => Came::Refused { status, why },
        }
    }
}

/// What went wrong, without the address and without what was received.
fn said(error: &ureq::Error) -> String {
    let is_tls = |error: &std::io::Error| match error.get_ref() {
        Some(error) => error.is::<TlsError>(),
        None => false,
    };
    match error {
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "the name of the host is not known".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        // A handshake that fails comes as an error of the connection.
        ureq::Error::Io(error) if !is_tls(error) => format!("no connection: {}", error.kind()),
        ureq::Error::Io(_) | ureq::Error::Rustls(_) | ureq::Error::Tls(_) => {
            "no TLS: its certificate cannot be believed, or it speaks none".to_owned()
        }
        ureq::Error::Other(error) if error.is::<Forbidden>() => error.to_string(),
        _ => "no answer that can be read".to_owned(),
    }
}

/// Every address of a name is one that is not gone to.
#[derive(Debug)]
struct Forbidden;

impl std::error::Error for Forbidden {}

impl std::fmt::Display for Forbidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "its host is on this machine or in a private network, and `--webhook-private` is not set",
        )
    }
}

/// Finds addresses, and leaves out those that are not gone to. It is asked at each connection, so
/// that a name that was good once cannot lead elsewhere later.
#[derive(Debug)]
struct Guarded {
    names: DefaultResolver,
    is_private: bool,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        let is_open = uri.scheme_str() != Some("https");
        let mut kept = self.empty();
        for address in &found {
            let ip = address.ip();
            if (self.is_private || is_public(ip)) && (!is_open || ip.is_loopback()) {
                kept.push(*address);
            }
        }
        if kept.is_empty() {
            return Err(ureq::Error::Other(Box::new(Forbidden)));
        }
        Ok(kept)
    }
}

/// Whether an address is one of the internet, where everybody may go.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b));
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [first, second, ..] = address.segments();
    // 2000::/3 is what is given out, without tunnels, which lead to addresses within, and examples.
    (0x2000..0x4000).contains(&first)
        && first != 0x2002
        && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_of_private_networks_are_not_public() {
        for (text, wanted) in [
            ("93.184.216.34", true),
            ("172.32.0.1", true),
            ("2606:2800:220:1::1", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.0.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("ff02::1", false),
            ("::ffff:10.0.0.1", false),
            ("64:ff9b::a00:1", false),
            ("2002:a00:1::", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_public(text.parse().expect("an address")), wanted, "{text}");
        }
    }

    #[test]
    fn an_address_is_https_and_http_for_this_machine_alone_where_that_is_allowed() {
        let second = Span::from_micros(1_000_000).expect("a second");
        let (open, private) = (Reach::new(false, second), Reach::new(true, second));
        for (url, in_open, in_private) in [
            ("https://hooks.bank.example/in?x=1", true, true),
            ("https://10.0.0.1/in", false, true),
            ("https://[::1]/in", false, true),
            ("https://[::ffff:127.0.0.1]/in", false, true),
            ("http://hooks.bank.example/in", false, false),
            ("http://127.0.0.1:9/in", false, true),
            ("http://localhost:9/in", false, true),
            ("http://10.0.0.1/in", false, false),
            ("http://localhost.evil.example/in", false, false),
            ("https://user:secret@hooks.bank.example/in", false, false),
            ("https://hooks.bank.example/#in", false, false),
            ("https://hooks.bank.example/a b", false, false),
            ("ftp://hooks.bank.example", false, false),
            ("/in", false, false),
            ("https://", false, false),
            ("", false, false),
        ] {
            assert_eq!(open.check(url).is_ok(), in_open, "{url}");
            assert_eq!(private.check(url).is_ok(), in_private, "{url}");
        }
    }
}
