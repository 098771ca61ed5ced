//! The state of an extractor as bytes, so that it can go on in another process.
//!
//! The state is a function of the payments in sight, so these are what is written: where each
//! stands in the order, which layers it entered, and who still waits for what may come. Totals,
//! depths and counters are computed anew, by the code that computed them before.
//!
//! All numbers are little-endian. The form belongs to one version of the program and one
//! definitions file; both are checked, and so is a sum over all bytes.

use std::io::{self, Read, Write};

use shroff_graph::Key;
use shroff_types::{AccountId, Amount, Currency, Place, Span, Symbol, Timestamp};

use crate::definitions::Definitions;
use crate::extractor::{Arrival, Extractor, Input, LateCounts, Pending};

/// A state that can't be gone on from.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It could not be read.
    #[error("the saved state cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is none, or of another version.
    #[error(
        "this is no state of this version of Shroff\n\
         hint: compute it anew from the payments of the last {look_back}, which is all it holds"
    )]
    Foreign {
        /// How far back the features look.
        look_back: Span,
    },
    /// It was saved under other definitions.
    #[error(
        "the state was saved under other definitions\n\
         hint: use the definitions file it was saved under, or compute it anew from the payments \
         of the last {look_back}"
    )]
    OtherDefinitions {
        /// How far back the features look.
        look_back: Span,
    },
    /// Its bytes are not those that were written.
    #[error("the saved state is damaged: {what}\nhint: use another copy, or compute it anew")]
    Damaged {
        /// What does not fit.
        what: &'static str,
    },
}

const MAGIC: [u8; 8] = *b"shroffST";
const VERSION: u32 = 1;

/// What a snapshot says of one payment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saved {
    pub(crate) payment: Pending,
    pub(crate) layers: u128,
    pub(crate) arrival: Arrival,
    /// Whether it is still to be told its features.
    pub(crate) state: SavedState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SavedState {
    /// In sight of others, and told.
    Told,
    /// In the graph, and waiting for what may come.
    Pending,
    /// Not in the graph yet: one that comes late may still go before it.
    Waiting,
}

/// What a snapshot says beside the payments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) exponent: u8,
    pub(crate) lateness: Span,
    pub(crate) late: LateCounts,
    pub(crate) next: u32,
    pub(crate) newest: Timestamp,
}

impl Extractor {
    /// Writes the state, for [`Extractor::restore`]: 33 bytes for each payment in sight, and a few more where it
    /// still waits or passes a `where`.
    ///
    /// # Errors
    /// Where `out` can't be written.
    pub fn save(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut out = Summed { out, sum: FNV };
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(&fingerprint(self.definitions()).to_le_bytes())?;
        let Head { exponent, lateness, late, next, newest } = self.head();
        out.write_all(&[exponent])?;
        for number in [lateness.micros(), late.most.micros(), newest.0] {
            out.write_all(&number.to_le_bytes())?;
        }
        for count in [late.taken, late.refused, next.into()] {
            out.write_all(&count.to_le_bytes())?;
        }
        let payments = self.saved();
        out.write_all(&(payments.len() as u64).to_le_bytes())?;
        for payment in payments {
            write_payment(&mut out, &payment)?;
        }
        let sum = out.sum;
        out.out.write_all(&sum.to_le_bytes())
    }

    /// An extractor that goes on where another was when it was saved: every feature has the bits
    /// that it would have had.
    ///
    /// # Errors
    /// Where the bytes are not what was saved under these definitions.
    pub fn restore(
        definitions: &Definitions,
        bytes: &mut dyn Read,
    ) -> Result<Extractor, SnapshotError> {
        let look_back = definitions.look_back().plus(definitions.horizon);
        let mut from = Reader { bytes, sum: FNV };
        if from.array::<8>()? != MAGIC || u32::from_le_bytes(from.array()?) != VERSION {
            return Err(SnapshotError::Foreign { look_back });
        }
        if u64::from_le_bytes(from.array()?) != fingerprint(definitions) {
            return Err(SnapshotError::OtherDefinitions { look_back });
        }
        let [exponent] = from.array()?;
        let lateness = from.span()?;
        let most = from.span()?;
        let newest = Timestamp(i64::from_le_bytes(from.array()?));
        let (taken, refused) = (from.count()?, from.count()?);
        let next = u32::try_from(from.count()?).map_err(|_| damaged("too many payments"))?;
        let late = LateCounts { taken, refused, most };
        let head = Head { exponent, lateness, late, next, newest };
        let count = from.count()?;
        let mut payments = Vec::new();
        for _ in 0..count {
            payments.push(from.payment()?);
        }
        let sum = from.sum;
        if u64::from_le_bytes(from.array()?) != sum {
            return Err(damaged("its bytes do not add up to what they did"));
        }
        check(definitions, &head, &payments)?;
        Ok(Extractor::resume(definitions, head, &payments))
    }
}

/// What a correct sum over wrong bytes could still hide: nothing that follows may panic.
fn check(definitions: &Definitions, head: &Head, payments: &[Saved]) -> Result<(), SnapshotError> {
    if head.exponent > 18 {
        return Err(damaged("the decimals of its amounts"));
    }
    let rises = payments.windows(2).all(|pair| {
        pair[0].payment.key < pair[1].payment.key && pair[0].state as u8 <= pair[1].state as u8
    });
    if !rises {
        return Err(damaged("its payments are not in order"));
    }
    let sound = payments.iter().all(|saved| {
        let Pending { key, input } = saved.payment;
        (0..=Amount::MAX_MINOR).contains(&input.minor)
            && key.place.0 < head.next
            && key.time <= head.newest
            && saved.layers & 1 == 1
            && (saved.state == SavedState::Told || definitions.horizon > Span::ZERO)
    });
    if sound { Ok(()) } else { Err(damaged("one of its payments cannot be")) }
}

fn damaged(what: &'static str) -> SnapshotError {
    SnapshotError::Damaged { what }
}

fn write_payment(out: &mut dyn Write, saved: &Saved) -> io::Result<()> {
    let Pending { key, input } = saved.payment;
    out.write_all(&key.time.0.to_le_bytes())?;
    for number in [key.place.0, input.debtor.0, input.creditor.0] {
        out.write_all(&number.to_le_bytes())?;
    }
    out.write_all(&input.minor.to_le_bytes()[..12])?;
    let states = [SavedState::Told, SavedState::Pending, SavedState::Waiting];
    let state = states.iter().position(|&state| state == saved.state).unwrap_or_default();
    let late = saved.arrival == Arrival::Late;
    let wide = saved.layers > 1;
    let flags = u8::try_from(state).unwrap_or_default() | u8::from(late) << 2 | u8::from(wide) << 3;
    out.write_all(&[flags])?;
    if wide {
        out.write_all(&saved.layers.to_le_bytes())?;
    }
    if saved.state != SavedState::Told {
        out.write_all(&[input.currency.index()])?;
        out.write_all(&input.method.map_or(u32::MAX, |method| method.0).to_le_bytes())?;
    }
    Ok(())
}

const FNV: u64 = 0xCBF2_9CE4_8422_2325;

/// FNV-1a, 64 bits: against damage, not against an attacker.
fn fnv(sum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(sum, |sum, &b| (sum ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}

/// Which definitions a state belongs to.
fn fingerprint(definitions: &Definitions) -> u64 {
    let Definitions { amount_exponent, horizon, blocks } = definitions;
    fnv(FNV, format!("{amount_exponent} {horizon:?} {blocks:?}").as_bytes())
}

struct Summed<'a> {
    out: &'a mut dyn Write,
    sum: u64,
}

impl Write for Summed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sum = fnv(self.sum, &bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

struct Reader<'a> {
    bytes: &'a mut dyn Read,
    sum: u64,
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let mut array = [0; N];
        self.bytes.read_exact(&mut array).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("it ends too early"),
            _ => SnapshotError::Io(error),
        })?;
        self.sum = fnv(self.sum, &array);
        Ok(array)
    }

    fn count(&mut self) -> Result<u64, SnapshotError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn number(&mut self) -> Result<u32, SnapshotError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn span(&mut self) -> Result<Span, SnapshotError> {
        let micros = i64::from_le_bytes(self.array()?);
        Span::from_micros(micros).ok_or(damaged("a span below zero"))
    }

    fn payment(&mut self) -> Result<Saved, SnapshotError> {
        let time = Timestamp(i64::from_le_bytes(self.array()?));
        let place = Place(self.number()?);
        let (debtor, creditor) = (AccountId(self.number()?), AccountId(self.number()?));
        let mut minor = [0; 16];
        minor[..12].copy_from_slice(&self.array::<12>()?);
        let minor = i128::from_le_bytes(minor);
        let [flags] = self.array()?;
        let state = match flags & 3 {
            0 => SavedState::Told,
            1 => SavedState::Pending,
            2 => SavedState::Waiting,
            _ => return Err(damaged("the state of a payment")),
        };
        let arrival = if flags & 4 == 4 { Arrival::Late } else { Arrival::InOrder };
        let layers = if flags & 8 == 8 { u128::from_le_bytes(self.array()?) } else { 1 };
        let (mut currency, mut method) = (Currency::NONE, None);
        if state != SavedState::Told {
            let [index] = self.array()?;
            currency = Currency::from_index(index).ok_or(damaged("a currency"))?;
            method = Some(self.number()?).filter(|&symbol| symbol != u32::MAX).map(Symbol);
        }
        let input = Input { time, debtor, creditor, minor, currency, method };
        let payment = Pending { key: Key { time, place }, input };
        Ok(Saved { payment, layers, arrival, state })
    }
}
