//! Names and remittance text, sealed: read only where there is a key for them, kept beside the log,
//! and opened for whoever may see the number of the account.
//!
//! No verdict, no digest and no snapshot knows of them: a service with another key, or none, says the
//! same of every payment. Each text is sealed alone (XChaCha20-Poly1305, a random nonce), bound to the
//! log, the place, the id of the payment and the field, so that none can be put where another was.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use anyhow::{Context, bail};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use shroff_store::{Access, Frame, Log, Options, Records, StoreError, Unread};
use shroff_types::{Place, Timestamp};

use super::SEGMENT_BYTES;
use super::disk::Folder;
use super::place;
use crate::{outputs, settings};

/// The longest name, in bytes.
pub(crate) const MOST_NAME_BYTES: usize = 640;
/// The longest remittance text.
pub(crate) const MOST_REMITTANCE_BYTES: usize = 4_096;
/// Records of one write, about.
const MOST_AT_ONCE: usize = 4 << 20;

const NONCE: usize = 24;
const ID: usize = 8;

/// What a payment says beside what it moves; empty where it does not say it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) debtor: String,
    pub(crate) creditor: String,
    pub(crate) remittance: String,
}

/// What is printed by mistake is no name.
impl std::fmt::Debug for Names {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Names(..)")
    }
}

impl Names {
    pub(crate) fn is_empty(&self) -> bool {
        self.texts().iter().all(|text| text.is_empty())
    }

    fn texts(&self) -> [&str; 3] {
        [&self.debtor, &self.creditor, &self.remittance]
    }

    fn text_mut(&mut self, field: u8) -> Option<&mut String> {
        match field {
            0 => Some(&mut self.debtor),
            1 => Some(&mut self.creditor),
            2 => Some(&mut self.remittance),
            _ => None,
        }
    }
}

/// The names of a payment that is in the log.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) place: Place,
    pub(crate) id: String,
    pub(crate) names: Names,
}

/// The keys: what is new is sealed with the first.
pub(crate) struct SealKeys {
    keys: Vec<([u8; ID], XChaCha20Poly1305)>,
}

impl std::fmt::Debug for SealKeys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("SealKeys(..)")
    }
}

impl SealKeys {
    /// Reads the files of keys; none where none is named.
    pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Option<SealKeys>> {
        let keys: Vec<_> = paths.iter().map(|path| read_key(path)).collect::<Result<_, _>>()?;
        Ok((!keys.is_empty()).then_some(SealKeys { keys }))
    }

    fn of(bytes: [u8; 32]) -> ([u8; ID], XChaCha20Poly1305) {
        let mut sha = Sha256::new();
        sha.update(b"shroff sealing key\n");
        sha.update(bytes);
        let digest = sha.finalize();
        let id = *digest.first_chunk().expect("a digest has 32 bytes");
        (id, XChaCha20Poly1305::new(&Key::from(bytes)))
    }
}

fn read_key(path: &Path) -> anyhow::Result<([u8; ID], XChaCha20Poly1305)> {
    let text = place::private_text(path)?;
    let bytes = outputs::from_hexadecimal(&text).with_context(|| {
        format!("`{}` is no sealing key\nhint: `shroff keys seal FILE` makes one", path.display())
    })?;
    Ok(SealKeys::of(bytes))
}

/// Makes a new key, readable by its owner alone; never in the place of another.
pub(crate) fn make_key(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        bail!(
            "there is `{}` already\nhint: without it what it sealed cannot be read; name another file",
            path.display()
        );
    }
    let key = outputs::hexadecimal(&settings::random::<32>()?);
    outputs::write_private(path, |file| {
        Ok(std::io::Write::write_all(file, format!("{key}\n").as_bytes())?)
    })
}

/// The places of frames in a row that take little room: one in memory for so many bytes of the file.
#[derive(Debug, Clone, Copy)]
struct Span {
    least: u32,
    most: u32,
    /// The number of the first record.
    number: u64,
}

/// Bytes from the first frame of a span to that of the next, at least.
const APART: usize = if cfg!(debug_assertions) { 1_024 } else { 16_384 };

#[derive(Debug)]
struct Stored {
    log: Log<Folder>,
    spans: Spans,
    /// Of what a start passed over, as far as it was looked at.
    behind: Spans,
    /// Segments that a start passed over and nobody looked at yet.
    unread: usize,
}

#[derive(Debug, Default)]
struct Spans {
    all: Vec<Span>,
    /// Bytes of the frames of the last one.
    bytes: usize,
}

impl Spans {
    fn take(&mut self, frame: Frame<'_>) -> Result<(), &'static str> {
        self.note(frame.bytes, frame.first).ok_or("one of its records is none")
    }

    /// Notes a frame, with the others of the last span where that has room. None where a record of it is none.
    fn note(&mut self, records: &[u8], number: u64) -> Option<()> {
        let span = span_of(records, number)?;
        if let Some(last) = self.all.last_mut().filter(|_| self.bytes < APART) {
            last.least = last.least.min(span.least);
            last.most = last.most.max(span.most);
        } else {
            self.all.push(span);
            self.bytes = 0;
        }
        self.bytes += records.len();
        Some(())
    }

    /// Those that a place may be in, the newest first: the numbers of their records, of which the last
    /// is before `end`.
    fn around(&self, place: u32, end: u64) -> impl Iterator<Item = Range<u64>> {
        let all = &self.all;
        (0..all.len()).rev().filter_map(move |at| {
            let Span { least, most, number } = all[at];
            let end = all.get(at + 1).map_or(end, |next| next.number);
            (least..=most).contains(&place).then_some(number..end)
        })
    }
}

/// The file of what is sealed: a log of its own.
#[derive(Debug)]
pub(crate) struct Vault {
    stored: Mutex<Stored>,
    keys: SealKeys,
    /// The log of payments that it belongs to.
    of: u64,
}

impl Vault {
    /// Opens the folder of a data directory, of which the last part is read, or all of it; what was passed
    /// over is for [`Vault::look`]. Damage is named, and stops the start.
    pub(crate) fn open(
        data: &Path,
        keys: SealKeys,
        (of, is_all_read): (u64, bool),
    ) -> anyhow::Result<(Vault, Vec<Unread>)> {
        let folder = super::folder(data, "sealed")?;
        let salt = u64::from_le_bytes(settings::random()?);
        let from = if is_all_read { 0 } else { u64::MAX };
        let options = Options { access: Access::Owner, segment_bytes: SEGMENT_BYTES, salt, from };
        let mut spans = Spans::default();
        let log = Log::open(folder, options, &mut |frame| spans.take(frame));
        let log = log.with_context(|| format!("in `{}`", data.join("sealed").display()))?;
        let mut unread = log.unread();
        // A segment that was only begun does not say up to where names are sealed.
        if spans.all.is_empty()
            && let Some(last) = unread.pop()
        {
            let folder = Folder::there(&data.join("sealed"));
            last.check(&folder, &mut Vec::new(), &mut |frame| spans.take(frame))?;
        }
        let behind = Spans::default();
        let stored = Mutex::new(Stored { log, spans, behind, unread: unread.len() });
        Ok((Vault { stored, keys, of }, unread))
    }

    /// Notes a frame of what a start passed over. They come in order.
    pub(crate) fn look(&self, frame: Frame<'_>) -> Result<(), &'static str> {
        self.lock().behind.take(frame)
    }

    /// A segment of what a start passed over is read.
    pub(crate) fn looked(&self) {
        self.lock().unread -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place after the last payment that it has something of.
    fn next(&self) -> u32 {
        self.lock().spans.all.iter().map(|span| span.most.saturating_add(1)).max().unwrap_or(0)
    }

    /// Seals the names of some payments, and makes them durable.
    pub(crate) fn seal(&self, named: &[Named], received: Timestamp) -> anyhow::Result<()> {
        let mut records = Vec::new();
        let mut count = 0;
        for (at, one) in named.iter().enumerate() {
            self.write(one, &mut records)?;
            count += 1;
            if records.len() >= MOST_AT_ONCE || at + 1 == named.len() {
                self.append(&records, count, received)?;
                records.clear();
                count = 0;
            }
        }
        Ok(())
    }

    fn append(&self, records: &[u8], count: u32, received: Timestamp) -> Result<(), StoreError> {
        let mut stored = self.lock();
        let number = stored.log.append(records, count, received)?;
        stored.spans.note(records, number);
        stored.log.sync()
    }

    /// A payment's record: its place, the key, and each text with its nonce.
    fn write(&self, named: &Named, out: &mut Vec<u8>) -> anyhow::Result<()> {
        let (id, cipher) = self.keys.keys.first().context("there is a key")?;
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&named.place.0.to_le_bytes());
        out.extend_from_slice(id);
        let nonces = settings::random::<{ 3 * NONCE }>()?;
        let texts = (0..).zip(named.names.texts()).zip(nonces.as_chunks::<NONCE>().0);
        for ((field, text), nonce) in texts.filter(|((_, text), _)| !text.is_empty()) {
            let bound = self.bound(named.place, &named.id, field);
            let payload = Payload { msg: text.as_bytes(), aad: &bound };
            let sealed = cipher.encrypt(&XNonce::from(*nonce), payload);
            let sealed = sealed.map_err(|_| anyhow::anyhow!("a name could not be sealed"))?;
            out.push(field);
            out.extend_from_slice(nonce);
            out.extend_from_slice(
                &u16::try_from(sealed.len()).context("names are short")?.to_le_bytes(),
            );
            out.extend_from_slice(&sealed);
        }
        let length = u32::try_from(out.len() - start - 4).context("names are short")?;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    /// What a text is bound to.
    fn bound(&self, place: Place, id: &str, field: u8) -> Vec<u8> {
        let mut bound = b"shroff sealed 1".to_vec();
        bound.extend_from_slice(&self.of.to_le_bytes());
        bound.extend_from_slice(&place.0.to_le_bytes());
        bound.push(field);
        bound.extend_from_slice(id.as_bytes());
        bound
    }

    /// The names of a payment; none where it had none. An error where there are some and they cannot
    /// be opened.
    pub(crate) fn names(&self, place: Place, id: &str) -> anyhow::Result<Option<Names>> {
        let mut why = None;
        for record in self.records_of(place)? {
            match self.read(&record, (place, id)) {
                Ok(names) => return Ok(Some(names)),
                // A batch that never became durable may have left one at the same place.
                Err(error) => why = why.or(Some(error)),
            }
        }
        if why.is_none() && self.lock().unread > 0 {
            bail!("what was sealed long ago is being read since the start: ask again in a while");
        }
        why.map_or(Ok(None), Err)
    }

    /// The records of a place, the newest first.
    fn records_of(&self, place: Place) -> anyhow::Result<Vec<Vec<u8>>> {
        let stored = self.lock();
        let mut found = Vec::new();
        let mut bytes = Vec::new();
        let from = stored.spans.all.first().map_or(u64::MAX, |span| span.number);
        let newest = stored.spans.around(place.0, u64::MAX);
        for Range { start, end } in newest.chain(stored.behind.around(place.0, from)) {
            let (mut number, first) = (start, found.len());
            while number < end
                && let Some(frame) = stored.log.frame(number, &mut bytes)?
            {
                let of = |record: &&[u8]| place_of(record) == Some(place.0);
                found.extend(frame.records().filter(of).map(<[u8]>::to_vec));
                number = frame.first + u64::from(frame.count);
            }
            found[first..].reverse();
        }
        Ok(found)
    }

    fn read(&self, record: &[u8], (place, id): (Place, &str)) -> anyhow::Result<Names> {
        const BROKEN: &str = "a record of what is sealed is not what was written";
        let (key, mut rest) =
            record.get(4..).and_then(|rest| rest.split_first_chunk::<ID>()).context(BROKEN)?;
        let known = self.keys.keys.iter().find(|(id, _)| id == key);
        let (_, cipher) = known.with_context(|| {
            format!(
                "it is sealed with a key that is not here: {}\nhint: --seal-key names that one too",
                outputs::hexadecimal(key)
            )
        })?;
        let mut names = Names::default();
        while let Some((&field, after)) = rest.split_first() {
            let (nonce, after) = after.split_first_chunk::<NONCE>().context(BROKEN)?;
            let (length, after) = after.split_first_chunk().context(BROKEN)?;
            let length = usize::from(u16::from_le_bytes(*length));
            let (sealed, after) = after.split_at_checked(length).context(BROKEN)?;
            let bound = self.bound(place, id, field);
            let payload = Payload { msg: sealed, aad: &bound };
            let opened = cipher.decrypt(&XNonce::from(*nonce), payload);
            let opened = opened.map_err(|_| {
                anyhow::anyhow!("what is sealed is not what was written, or is of another payment")
            })?;
            let text = names.text_mut(field).context(BROKEN)?;
            *text = String::from_utf8(opened).context(BROKEN)?;
            rest = after;
        }
        Ok(names)
    }
}

fn place_of(record: &[u8]) -> Option<u32> {
    record.first_chunk().map(|place| u32::from_le_bytes(*place))
}

/// The places of a frame's records; none where one is no record.
fn span_of(records: &[u8], number: u64) -> Option<Span> {
    let mut span = Span { least: u32::MAX, most: 0, number };
    for record in Records::of(records) {
        let place = place_of(record)?;
        span.least = span.least.min(place);
        span.most = span.most.max(place);
    }
    Some(span)
}

type Sealed = anyhow::Result<()>;

/// A thread that seals while the engine works.
pub(crate) struct Sealer {
    work: mpsc::Sender<(Vec<Named>, Timestamp)>,
    done: mpsc::Receiver<Sealed>,
    waiting: Vec<Named>,
    /// Payments of before the start of which nothing is sealed: a kill came between, or they came
    /// without. What is said of them again is taken.
    late: Range<u32>,
    taken: BTreeSet<u32>,
}

impl Sealer {
    pub(crate) fn start(vault: Arc<Vault>, next: Place) -> anyhow::Result<Sealer> {
        let (work, jobs) = mpsc::channel::<(Vec<Named>, Timestamp)>();
        let (back, done) = mpsc::channel();
        let late = vault.next()..next.0;
        std::thread::Builder::new()
            .name("shroff-seal".to_owned())
            .spawn(move || {
                while let Ok((named, received)) = jobs.recv() {
                    if back.send(vault.seal(&named, received)).is_err() {
                        break;
                    }
                }
            })
            .context("cannot start a thread")?;
        Ok(Sealer { work, done, waiting: Vec::new(), late, taken: BTreeSet::new() })
    }

    /// Takes the names of a payment that was admitted.
    pub(crate) fn take(&mut self, (place, is_new): (Place, bool), id: &str, names: Names) {
        let is_wanted = is_new || (self.late.contains(&place.0) && self.taken.insert(place.0));
        if is_wanted {
            self.waiting.push(Named { place, id: id.to_owned(), names });
        }
    }

    /// Forgets those of a batch that was not written.
    pub(crate) fn forget(&mut self) {
        self.waiting.clear();
    }

    /// Begins to seal those of a batch; whether there are any.
    pub(crate) fn begin(&mut self, received: Timestamp) -> anyhow::Result<bool> {
        let named = std::mem::take(&mut self.waiting);
        if named.is_empty() {
            return Ok(false);
        }
        self.work.send((named, received)).ok().context("the thread that seals is gone")?;
        Ok(true)
    }

    /// Waits until they are durable.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        self.done.recv().context("the thread that seals is gone")?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: u32) -> Names {
        Names {
            debtor: format!("Ada {n}"),
            creditor: if n.is_multiple_of(2) { String::new() } else { format!("Bob {n}") },
            remittance: format!("rent for flat {n}"),
        }
    }

    fn vault(data: &Path, keys: &[u8]) -> Vault {
        let keys = keys.iter().map(|&key| SealKeys::of([key; 32])).collect();
        let opened = Vault::open(data, SealKeys { keys }, (7, true));
        opened.expect("a folder of our own").0
    }

    fn named(range: Range<u32>) -> Vec<Named> {
        let one = |n| Named { place: Place(n), id: format!("p{n}"), names: names(n) };
        range.map(one).collect()
    }

    #[test]
    fn names_are_opened_as_they_were_also_after_a_start_and_under_another_key() {
        let folder = tempfile::tempdir().expect("a folder of our own");
        vault(folder.path(), &[1]).seal(&named(3..9), Timestamp(1)).expect("it is written");
        let turned = vault(folder.path(), &[2, 1]);
        turned.seal(&named(9..12), Timestamp(2)).expect("it is written");
        for n in 3..12 {
            let read = turned.names(Place(n), &format!("p{n}")).expect("it opens");
            assert_eq!(read, Some(names(n)), "{n}");
        }
        assert_eq!(turned.names(Place(20), "p20").expect("it reads"), None);
        drop(turned);
        // Without the old key what it sealed is lost, and nothing else.
        let lost = vault(folder.path(), &[2]);
        let why = lost.names(Place(3), "p3").expect_err("its key is gone").to_string();
        assert!(why.contains("a key that is not here"), "{why}");
        assert_eq!(lost.names(Place(10), "p10").expect("it opens"), Some(names(10)));
    }

    #[test]
    fn names_that_were_sealed_one_by_one_are_found_and_the_newest_first() {
        let folder = tempfile::tempdir().expect("a folder of our own");
        let written = vault(folder.path(), &[1]);
        // The last third comes once more, as after a batch that never became durable.
        for n in (0..90).chain(60..90) {
            written.seal(&named(n..n + 1), Timestamp(1)).expect("it is written");
        }
        let spans = |vault: &Vault| vault.stored.lock().expect("no panic").spans.all.len();
        let count = spans(&written);
        assert!((2..60).contains(&count), "{count}");
        let opened = vault(folder.path(), &[1]);
        for vault in [&written, &opened] {
            assert_eq!((spans(vault), vault.next()), (count, 90));
            for n in 0..90 {
                let records = vault.records_of(Place(n)).expect("it reads");
                assert_eq!(records.len(), if n < 60 { 1 } else { 2 }, "{n}");
                for record in records {
                    let read = vault.read(&record, (Place(n), &format!("p{n}")));
                    assert_eq!(read.expect("it opens"), names(n));
                }
            }
            assert_eq!(vault.names(Place(90), "p90").expect("it reads"), None);
        }
        // Of two, the newest is the first, far apart or one after the other.
        for text in [3, 5, 8] {
            let again = |n| Named { names: names(text), ..named(n..n + 1).remove(0) };
            written.seal(&[again(10), again(91)], Timestamp(1)).expect("it is written");
            for n in [10, 91] {
                let read = written.names(Place(n), &format!("p{n}")).expect("it opens");
                assert_eq!(read, Some(names(text)), "{n}");
            }
        }
    }

    #[test]
    fn what_a_start_passed_over_is_found_once_it_was_looked_at_and_not_denied_before() {
        let folder = tempfile::tempdir().expect("a folder of our own");
        let written = vault(folder.path(), &[1]);
        for n in (0..1_500).step_by(5) {
            written.seal(&named(n..n + 5), Timestamp(1)).expect("it is written");
        }
        drop(written);
        let begin = || {
            let keys = SealKeys { keys: vec![SealKeys::of([1; 32])] };
            Vault::open(folder.path(), keys, (7, false)).expect("a folder of our own")
        };
        let read = |vault: &Vault, n: u32| vault.names(Place(n), &format!("p{n}"));
        let disk = Folder::there(&folder.path().join("sealed"));
        // The second time the last segment was only begun.
        for is_begun in [false, true] {
            let mut files = shroff_store::Disk::list(&disk).expect("it lists");
            files.sort();
            let (vault, unread) = begin();
            assert!(files.len() > 3, "{files:?}");
            assert_eq!(unread.len(), files.len() - 1 - usize::from(is_begun));
            let next = vault.next();
            assert!(if is_begun { (1..1_500).contains(&next) } else { next == 1_500 }, "{next}");
            assert_eq!(read(&vault, next - 1).expect("it was read"), Some(names(next - 1)));
            for n in [3, 2_000] {
                let why = read(&vault, n).expect_err("nobody looked").to_string();
                assert!(why.contains("ask again"), "{n}: {why}");
            }
            for unread in &unread {
                let mut each = |frame: Frame<'_>| vault.look(frame);
                unread.check(&disk, &mut Vec::new(), &mut each).expect("it is whole");
                vault.looked();
            }
            for n in 0..next {
                assert_eq!(read(&vault, n).expect("all was read"), Some(names(n)), "{n}");
            }
            assert_eq!(read(&vault, 2_000).expect("all was read"), None);
            drop(vault);
            let last = files.last().expect("some");
            shroff_store::Disk::truncate(
                &mut Folder::there(&folder.path().join("sealed")),
                last,
                40,
            )
            .expect("a file of our own");
        }
    }

    #[test]
    fn what_is_changed_or_moved_to_another_payment_does_not_open() {
        let folder = tempfile::tempdir().expect("a folder of our own");
        let vault = vault(folder.path(), &[1]);
        let mut record = Vec::new();
        vault.write(&named(5..6)[0], &mut record).expect("it is sealed");
        let record = &record[4..];
        assert_eq!(vault.read(record, (Place(5), "p5")).expect("it opens"), names(5));
        for (place, id) in [(4, "p5"), (5, "p6")] {
            assert!(vault.read(record, (Place(place), id)).is_err(), "{place} {id}");
        }
        for at in 4..record.len() {
            for bit in 0..8 {
                let mut other = record.to_vec();
                other[at] ^= 1 << bit;
                assert!(vault.read(&other, (Place(5), "p5")).is_err(), "byte {at}, bit {bit}");
            }
        }
        // The same under another log.
        let other = Vault { of: 8, ..vault };
        assert!(other.read(record, (Place(5), "p5")).is_err());
    }

    #[test]
    fn a_key_is_made_once_and_another_file_is_none() {
        let folder = tempfile::tempdir().expect("a folder of our own");
        let path = folder.path().join("seal.key");
        make_key(&path).expect("it is made");
        assert!(read_key(&path).is_ok());
        assert!(make_key(&path).expect_err("it is there").to_string().contains("already"));
        let bad = folder.path().join("bad");
        for text in ["", "00", &"zz".repeat(32), &"0".repeat(66)] {
            outputs::write_private(&bad, |file| {
                Ok(std::io::Write::write_all(file, text.as_bytes())?)
            })
            .expect("a file");
            assert!(read_key(&bad).is_err(), "{text}");
        }
    }
}
