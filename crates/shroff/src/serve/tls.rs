//! TLS: certificates are read at the start, and handshakes are made beside one another, so that one
//! that takes its time keeps nobody else waiting.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error as TlsError, ServerConfig, crypto, version};
use tokio_rustls::server::TlsStream;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Handshakes that are under way at once; who comes beyond them waits to be accepted.
const MOST_HANDSHAKES: usize = 1_024;
/// Connections that wait to be served.
const MOST_WAITING: usize = 64;
/// The pause after the machine gave no connection: mostly there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(500);

/// What a service shows, from its PEM files.
pub(crate) fn acceptor(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
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
    pub(crate) fn of(listener: TcpListener, acceptor: TlsAcceptor) -> io::Result<Handshaken> {
        let address = listener.local_addr()?;
        let (done, ready) = mpsc::channel(MOST_WAITING);
        tokio::spawn(accept(listener, acceptor, done));
        Ok(Handshaken { ready, address })
    }
}

type Done = mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>;

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, done: Done) {
    let room = Arc::new(Semaphore::new(MOST_HANDSHAKES));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = done.closed() => return,
        };
        match accepted {
            Ok((stream, from)) => {
                let (acceptor, done) = (acceptor.clone(), done.clone());
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
