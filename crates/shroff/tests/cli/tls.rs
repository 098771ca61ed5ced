//! TLS as a client sees it that believes one certificate and no other.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    StreamOwned, crypto,
};

use crate::door::{Folder, HEAD, private};
use crate::signed::PASSWORD;

/// A service that runs, and is killed at the end.
struct Service {
    child: Child,
    port: u16,
    link: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Every address of the machine, so that without TLS it would be refused.
const AT: [&str; 5] = ["serve", "--listen", "0.0.0.0:0", "--data", "data"];

fn start(folder: &Folder, words: &[&str], scheme: &str) -> Service {
    let err = std::fs::File::create(folder.path("err.txt")).expect("a file of our own");
    let mut child = Command::new(env!("CARGO_BIN_EXE_shroff"))
        .args(AT)
        .args(words)
        .current_dir(folder.path("."))
        .stdout(Stdio::piped())
        .stderr(err)
        .spawn()
        .expect("the program starts");
    let out = BufReader::new(child.stdout.take().expect("it was piped"));
    let before = format!("listening on {scheme}://");
    let told = out
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix(&before)?.parse::<SocketAddr>().ok());
    let said = folder.text("err.txt");
    let port = told.unwrap_or_else(|| panic!("it starts: {said}")).port();
    let link = said.split_once("/#/setup/").and_then(|(_, rest)| rest.split(' ').next());
    Service { child, port, link: link.expect("a link is shown").to_owned() }
}

/// What comes back over a connection.
fn talk(mut stream: impl Read + Write, what: &str, body: &str) -> String {
    let head = "Host: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let length = body.len();
    write!(stream, "{what} HTTP/1.1\r\n{head}Content-Length: {length}\r\n\r\n{body}")
        .expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("UTF-8, and an end that is told");
    text
}

impl Service {
    fn plain(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).expect("it listens")
    }

    fn ask(&self, believed: &rcgen::Certificate, what: &str, body: &str) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(believed.der().clone()).expect("a certificate");
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions that fit")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("a client");
        talk(StreamOwned::new(client, self.plain()), what, body)
    }

    /// The certificate that it shows, whoever vouches for it.
    fn shown(&self) -> Vec<u8> {
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions that fit")
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let seen = Arc::new(Seen::default());
        let mut config = config;
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<Seen>::clone(&seen);
        config.dangerous().set_certificate_verifier(verifier);
        let name = ServerName::try_from("localhost").expect("a name");
        let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut stream = self.plain();
        while client.is_handshaking() {
            client.complete_io(&mut stream).expect("a handshake");
        }
        seen.0.lock().expect("no test broke").clone()
    }

    fn set_up(&self) -> String {
        serde_json::json!({ "token": self.link, "name": "Ada", "password": PASSWORD }).to_string()
    }
}

/// Believes everything, and keeps what it saw.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<u8>>);

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock().expect("no test broke") = shown.as_ref().to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519]
    }
}

/// A certificate for this machine and its key, as files of the folder.
pub(crate) fn certificate(folder: &Folder, name: &str) -> rcgen::Certificate {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let rcgen::CertifiedKey { cert, signing_key } = made.expect("a certificate");
    folder.write(&format!("{name}.pem"), cert.pem());
    folder.write(&format!("{name}.key"), signing_key.serialize_pem());
    cert
}

#[test]
fn a_certificate_opens_the_service_to_other_machines_and_a_slow_handshake_stops_nobody() {
    let folder = Folder::new();
    let believed = certificate(&folder, "own");
    let service = start(&folder, &["--tls-cert", "own.pem", "--tls-key", "own.key"], "https");
    // Whoever connects and says nothing keeps nobody waiting.
    let silent: Vec<TcpStream> = (0..20).map(|_| service.plain()).collect();
    let health = service.ask(&believed, "GET /health", "");
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    assert!(health.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{health}");
    let session = service.ask(&believed, "POST /v1/setup", &service.set_up());
    assert!(session.starts_with("HTTP/1.1 201 "), "{session}");
    let cookie = session.lines().find(|line| line.starts_with("set-cookie: ")).expect("a cookie");
    assert!(cookie.ends_with("; Secure") && cookie.contains("HttpOnly"), "{cookie}");
    let mut bytes = Vec::new();
    let mut plain = service.plain();
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is sent");
    drop(plain.read_to_end(&mut bytes));
    assert!(!bytes.starts_with(b"HTTP"), "nothing is answered in the open");
    drop(silent);
}

#[test]
fn a_history_is_sent_by_tls_to_a_service_that_is_trusted_and_to_no_other() {
    let folder = Folder::new();
    certificate(&folder, "own");
    certificate(&folder, "other");
    let words = ["--tls-cert", "own.pem", "--tls-key", "own.key"];
    drop(start(&folder, &words, "https"));
    let key = folder.well("keys add bank --role payment-system --data data");
    folder.write("key", key.text());
    let service = start(&folder, &words, "https");
    private(&folder.path("key"));
    folder.write("rows.csv", format!("{HEAD}r1,2026-03-01T09:00:00Z,A,B,5.00,EUR\n"));
    let line = format!("ingest rows.csv --url https://localhost:{} --key-file key", service.port);
    for words in ["", " --ca-file other.pem"] {
        let ran = folder.run(&format!("{line}{words}"));
        assert!(ran.code == Some(2) && ran.err.contains("is not trusted"), "{}", ran.err);
        assert!(ran.err.contains("--ca-file"), "{}", ran.err);
    }
    let told = folder.well(&format!("{line} --ca-file own.pem")).err;
    assert!(told.contains("1 new, 0 known"), "{told}");
}

#[test]
fn behind_a_proxy_cookies_are_for_tls_alone() {
    let folder = Folder::new();
    let service = start(&folder, &["--behind-proxy"], "http");
    let session = talk(service.plain(), "POST /v1/setup", &service.set_up());
    assert!(session.contains("; Secure") && session.contains("strict-transport"), "{session}");
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_at_the_start() {
    let folder = Folder::new();
    certificate(&folder, "own");
    certificate(&folder, "other");
    folder.write("empty.pem", "no such thing\n");
    folder.write("odd.pem", "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n");
    folder.write("junk.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (words, wanted) in [
        ("", "speaks no TLS"),
        ("--tls-cert own.pem", "--tls-cert without --tls-key"),
        ("--tls-key own.key", "--tls-key without --tls-cert"),
        ("--tls-cert none.pem --tls-key own.key", "cannot read `none.pem`"),
        ("--tls-cert empty.pem --tls-key own.key", "`empty.pem` holds no certificate"),
        ("--tls-cert odd.pem --tls-key own.key", "`odd.pem` is no PEM"),
        ("--tls-cert junk.pem --tls-key own.key", "`junk.pem` with `own.key` cannot be used"),
        ("--tls-cert own.pem --tls-key own.pem", "`own.pem` holds no private key"),
        ("--tls-cert own.pem --tls-key other.key", "the key `other.key` is not that of"),
    ] {
        let ran = folder.run(&format!("{} {words}", AT.join(" ")));
        assert_eq!(ran.code, Some(2), "{words}: {}", ran.err);
        assert!(
            ran.err.contains(wanted) && !ran.err.contains("BEGIN PRIV"),
            "{words}: {}",
            ran.err
        );
    }
}

#[test]
fn another_certificate_is_taken_up_while_it_runs_and_a_bad_one_changes_nothing() {
    let folder = Folder::new();
    let first = certificate(&folder, "own");
    let service = start(&folder, &["--tls-cert", "own.pem", "--tls-key", "own.key"], "https");
    let shown = || service.shown();
    assert_eq!(shown(), first.der().as_ref());
    let session = service.ask(&first, "POST /v1/setup", &service.set_up());
    assert!(session.starts_with("HTTP/1.1 201 "), "{session}");
    let put = |name: &str| {
        for kind in ["pem", "key"] {
            let from = folder.path(&format!("{name}.{kind}"));
            std::fs::rename(from, folder.path(&format!("own.{kind}"))).expect("a file of our own");
        }
    };
    // Found by itself.
    let second = certificate(&folder, "second");
    put("second");
    folder.until("the second is found", &|| shown() == second.der().as_ref());
    assert!(service.ask(&second, "GET /health", "").starts_with("HTTP/1.1 200 "));
    // At once, where it is told to look.
    let hang_up = || {
        let pid = service.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill runs").success());
    };
    let third = certificate(&folder, "third");
    put("third");
    hang_up();
    folder.until("the third is taken up", &|| shown() == third.der().as_ref());
    // A key that is not its own, and no PEM: the one of before goes on.
    certificate(&folder, "fourth");
    std::fs::rename(folder.path("fourth.pem"), folder.path("own.pem")).expect("our own");
    hang_up();
    folder
        .until("it is told", &|| folder.text("err.txt").contains("is not that of the certificate"));
    folder.write("own.key", "nothing");
    hang_up();
    folder
        .until("it is told", &|| folder.text("err.txt").contains("`own.key` holds no private key"));
    assert_eq!(shown(), third.der().as_ref());
    assert!(service.ask(&third, "GET /health", "").starts_with("HTTP/1.1 200 "));
    let said = folder.text("err.txt");
    assert!(said.contains("the one of before is shown") && !said.contains("PRIVATE"), "{said}");
}
