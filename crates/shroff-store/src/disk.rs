//! What the log asks of a disk.

use std::io;

/// A folder of files, by name. The caller hands one in; the log has no other way to the world.
pub trait Disk: Send + std::fmt::Debug {
    /// The names of its files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// How long a file is.
    fn length(&self, name: &str) -> io::Result<u64>;

    /// Reads from an offset on; how many bytes there were, fewer than asked for at the end alone.
    fn read_at(&self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Writes at the end of a file, which it makes where it is not there; how many bytes were
    /// taken, which may be fewer than there are.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<usize>;

    /// Makes a file durable with its name: it returns once a loss of power takes nothing of it.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Cuts a file to a length.
    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()>;

    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;
}
