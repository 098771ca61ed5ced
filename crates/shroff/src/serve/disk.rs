//! A folder as the disk of a log.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are opened")]

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use shroff_store::Disk;

/// The files of one folder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The file that was written last, kept open.
    written: Option<(String, File)>,
    /// The file that was read last, kept open.
    read: Mutex<Option<(String, File)>>,
    /// Files whose name may not be durable yet.
    new: BTreeSet<String>,
}

impl Folder {
    /// A folder, which is made where it is not there.
    pub(crate) fn at(path: &Path) -> io::Result<Folder> {
        std::fs::create_dir_all(path)?;
        sync_folder(path.parent().unwrap_or(Path::new(".")))?;
        Ok(Folder::there(path))
    }

    /// A folder that is only read.
    pub(crate) fn there(path: &Path) -> Folder {
        let (written, read) = (None, Mutex::new(None));
        Folder { path: path.to_owned(), written, read, new: BTreeSet::new() }
    }

    fn writer(&mut self, name: &str) -> io::Result<&mut File> {
        let is_open = self.written.as_ref().is_some_and(|(open, _)| open == name);
        if !is_open {
            let path = self.path.join(name);
            if !path.exists() {
                self.new.insert(name.to_owned());
            }
            self.written = Some((name.to_owned(), private().open(path)?));
        }
        Ok(&mut self.written.as_mut().expect("opened above").1)
    }
}

/// How files with names of accounts in them are opened: only their owner can read them.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the names of a folder durable. Windows has no such call, and needs none.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let entries = std::fs::read_dir(&self.path)?;
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        Ok(std::fs::metadata(self.path.join(name))?.len())
    }

    fn read_at(&self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut read = self.read.lock().expect("nobody panics while holding it");
        if read.as_ref().is_none_or(|(open, _)| open != name) {
            *read = Some((name.to_owned(), File::open(self.path.join(name))?));
        }
        let file = &mut read.as_mut().expect("opened above").1;
        file.seek(SeekFrom::Start(offset))?;
        let mut done = 0;
        while done < bytes.len() {
            match file.read(&mut bytes[done..]) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<usize> {
        self.writer(name)?.write(bytes)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.writer(name)?.sync_data()?;
        if self.new.remove(name) {
            sync_folder(&self.path)?;
        }
        Ok(())
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.writer(name)?.set_len(length)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.written = None;
        self.new.remove(name);
        *self.read.lock().expect("nobody panics while holding it") = None;
        std::fs::remove_file(self.path.join(name))?;
        sync_folder(&self.path)
    }
}
