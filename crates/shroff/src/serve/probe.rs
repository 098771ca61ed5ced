//! `shroff ready`: whether a service on this machine takes payments, for those who have no other way to
//! ask, as in a container without a shell.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::{Ending, terminal};

/// How long it is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is read of an answer: its first line.
const MOST_BYTES: usize = 64;

/// Asks `/ready`; a service that speaks TLS is asked by something that knows its certificate.
pub(super) fn ready(address: SocketAddr) -> anyhow::Result<Ending> {
    match status(address) {
        Ok(200) => Ok(Ending::Well),
        Ok(status) => {
            terminal::warn(format_args!("{address} is not ready: it answers {status}"));
            Ok(Ending::TooManyBad)
        }
        Err(error) => {
            terminal::warn(format_args!("{address} does not answer: {error}"));
            Ok(Ending::TooManyBad)
        }
    }
}

fn status(address: SocketAddr) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.len() < MOST_BYTES && byte != [b'\n'] && stream.read(&mut byte)? > 0 {
        line.push(byte[0]);
    }
    let line = String::from_utf8_lossy(&line);
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    status.ok_or_else(|| std::io::Error::other("this is no answer of a service"))
}
