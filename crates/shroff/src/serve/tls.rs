//! TLS: certificates are read at the start and whenever their files change, and handshakes are made
//! beside one another, so that one that takes its time keeps nobody else waiting.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error as TlsError, ServerConfig, crypto, version};
use tokio_rustls::server::TlsStream;
use ureq::config::ConfigBuilder;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::typestate::AgentScope;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Handshakes that are under way at once; who comes beyond them waits to be accepted.
const MOST_HANDSHAKES: usize = 1_024;
/// Connections that wait to be served.
const MOST_WAITING: usize = 64;
/// The pause after the machine gave no connection: mostly there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(500);

/// How others are asked: those are trusted that `roots` vouch for, and no redirect is followed, for
/// it could lead to where nobody was to be asked.
pub(crate) fn asking(roots: RootCerts) -> ConfigBuilder<AgentScope> {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(crypto::ring::default_provider()))
        .root_certs(roots)
        .build();
    ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
}

/// How often the files of a certificate are looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(5);

/// A certificate and its key, as files, and what is shown of them.
pub(crate) struct Pair {
    certificate: PathBuf,
    key: PathBuf,
    stamps: Stamps,
    acceptor: TlsAcceptor,
}

/// What two files are known by: where it changes, they may have.
type Stamps = [Option<(SystemTime, u64, u64)>; 2];

impl Pair {
    pub(crate) fn read(certificate: &Path, key: &Path) -> anyhow::Result<Pair> {
        // Looked at before they are read: what changes meanwhile is seen later.
        let stamps = [stamp(certificate), stamp(key)];
        let acceptor = acceptor(certificate, key)?;
        Ok(Pair { certificate: certificate.to_owned(), key: key.to_owned(), stamps, acceptor })
    }

    /// What is shown, from now on: a pair of files that changes is taken up within seconds, or at
    /// once where the process gets a SIGHUP. One that cannot be used changes nothing, and is told.
    pub(crate) fn follow(self) -> anyhow::Result<watch::Receiver<TlsAcceptor>> {
        let (shown, seen) = watch::channel(self.acceptor.clone());
        let hangup = hangup()?;
        tokio::spawn(look(self, shown, hangup));
        Ok(seen)
    }
}

async fn look(mut pair: Pair, shown: watch::Sender<TlsAcceptor>, mut hangup: Hangup) {
    loop {
        let is_asked = tokio::select! {
            () = tokio::time::sleep(LOOKED_AT_EVERY) => false,
            () = hangup.heard() => true,
            () = shown.closed() => return,
        };
        let (certificate, key) = (pair.certificate.clone(), pair.key.clone());
        let stamps = pair.stamps;
        let read = tokio::task::spawn_blocking(move || {
            let now = [stamp(&certificate), stamp(&key)];
            (now != stamps || is_asked).then(|| (now, acceptor(&certificate, &key)))
        });
        // Where it broke, it is looked at again.
        let Ok(Some((now, read))) = read.await else { continue };
        // One that is wrong is told once, and not read again until it changes.
        pair.stamps = now;
        match read {
            Ok(acceptor) => {
                shown.send_replace(acceptor);
                tracing::info!("another certificate is shown from now on");
            }
            Err(error) => tracing::error!(
                error = format_args!("{error:#}"),
                "the files of the certificate cannot be used: the one of before is shown"
            ),
        }
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let file = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let file = 0;
    Some((metadata.modified().ok()?, metadata.len(), file))
}

/// The signal by which the files are read again.
struct Hangup(#[cfg(unix)] tokio::signal::unix::Signal);

#[cfg(unix)]
fn hangup() -> anyhow::Result<Hangup> {
    let kind = tokio::signal::unix::SignalKind::hangup();
    tokio::signal::unix::signal(kind).map(Hangup).context("SIGHUP cannot be heard")
}

#[cfg(not(unix))]
fn hangup() -> anyhow::Result<Hangup> {
    Ok(Hangup())
}

impl Hangup {
    async fn heard(&mut self) {
        #[cfg(unix)]
        if self.0.recv().await.is_some() {
            return;
        }
        std::future::pending::<()>().await;
    }
}

/// What a service shows, from its PEM files.
fn acceptor(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let shown = certificate.display();
    let chain: Result<Vec<CertificateDer<'static>>, PemError> =
        CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| unreadable(&error, certificate))?;
    if chain.is_empty() {
        bail!(
            "`{shown}` holds no certificate\nhint: a PEM file, the service's own certificate first, \
             and those that vouch for it after it"
        );
    }
    let private = match PrivateKeyDer::from_pem_file(key) {
        Ok(private) => private,
        Err(PemError::NoItemsFound) => bail!(
            "`{}` holds no private key\nhint: a PEM file with a key of PKCS #8, PKCS #1 or SEC 1 \
             that no password is on",
            key.display()
        ),
        Err(error) => return Err(unreadable(&error, key)),
    };
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .context("the versions of TLS do not fit together")?
        .with_no_client_auth()
        .with_single_cert(chain, private);
    let mut config = config.map_err(|error| match error {
        TlsError::InconsistentKeys(_) => anyhow::anyhow!(
            "the key `{}` is not that of the certificate `{shown}`\nhint: the first certificate of \
             the file is the service's own",
            key.display()
        ),
        error => anyhow::anyhow!(
            "`{shown}` with `{}` cannot be used: {error}\nhint: keys of RSA, ECDSA and Ed25519 can",
            key.display()
        ),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unreadable(error: &PemError, path: &Path) -> anyhow::Error {
    let shown = path.display();
    match error {
        PemError::Io(error) => anyhow::anyhow!("cannot read `{shown}`\nbecause: {error}"),
        // What it says may quote the file.
        _ => anyhow::anyhow!("`{shown}` is no PEM\nhint: it has lines of `-----BEGIN ...-----`"),
    }
}

/// Connections whose handshake is done.
#[derive(Debug)]
pub(crate) struct Handshaken {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl Handshaken {
    /// Accepts what comes, from now on until this is dropped.
    pub(crate) fn of(
        listener: TcpListener,
        acceptor: watch::Receiver<TlsAcceptor>,
    ) -> io::Result<Handshaken> {
        let address = listener.local_addr()?;
        let (done, ready) = mpsc::channel(MOST_WAITING);
        tokio::spawn(accept(listener, acceptor, done));
        Ok(Handshaken { ready, address })
    }
}

type Done = mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>;

async fn accept(listener: TcpListener, acceptor: watch::Receiver<TlsAcceptor>, done: Done) {
    let room = Arc::new(Semaphore::new(MOST_HANDSHAKES));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = done.closed() => return,
        };
        match accepted {
            Ok((stream, from)) => {
                let (acceptor, done) = (acceptor.borrow().clone(), done.clone());
                tokio::spawn(shake(acceptor, stream, from, (done, permit)));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn shake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    from: SocketAddr,
    (done, permit): (Done, OwnedSemaphorePermit),
) {
    // Replies are written whole: waiting for more of them only costs time.
    stream.set_nodelay(true).unwrap_or_default();
    let shaken = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await;
    drop(permit);
    match shaken {
        // Where nobody serves any more, the connection is closed.
        Ok(Ok(stream)) => drop(done.send((stream, from)).await),
        Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
        Err(_) => tracing::debug!("a handshake took too long"),
    }
}

impl Listener for Handshaken {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The task that accepts ends after this is dropped, and not before.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
