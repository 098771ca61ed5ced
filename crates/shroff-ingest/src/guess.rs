//! Writes a mapping to start from, by looking at an input's column names and values.

use std::fmt::Write as _;

use shroff_types::Currency;

use crate::IngestError;
use crate::columnar::Table;
use crate::error::quoted;
use crate::instant::{self, Pattern, TimeForm};
use crate::json;
use crate::mapping::FILL_IN;
use crate::number::{self, NumberForm};
use crate::read::{at_any_place, delimiter_of};
use crate::record::{Lines, Step, TextLines};
use crate::source::{Kind, Memory, MemorySpill, Source, Spill, Stream};

/// How many rows are looked at: enough for a day above the twelfth to turn up.
const SAMPLE_ROWS: usize = 2_000;

/// Writes a commented mapping for an input of any form that is read, from its first rows.
///
/// What could be guessed is filled in and can be read back at once; for what could not, a column
/// name that begins with `FILL IN` stands there, which the reader refuses with a hint.
///
/// # Errors
/// An input that cannot be opened, is empty, or is no table at all.
pub fn guess(source: &dyn Source, spill: &mut dyn Spill) -> Result<String, IngestError> {
    let name = source.name();
    let mut stream = Stream::open(source)?;
    let sample = match stream.kind(name)? {
        Kind::Delimited => delimited(stream, name)?,
        Kind::JsonLines => json_lines(stream, name)?,
        Kind::Patterns => {
            let hint = "AMLworld's patterns are read as they are, without a mapping";
            return Err(IngestError::new(name, "there is nothing to guess").hint(hint));
        }
        Kind::Parquet => table(Table::parquet(at_any_place(source, stream, spill)?, name)?, name)?,
        Kind::ArrowFile | Kind::ArrowStream => table(Table::arrow(stream, name)?, name)?,
    };
    Ok(write(name, &sample))
}

/// The same for bytes in memory; what cannot be guessed at is an empty text.
pub fn guess_bytes(name: &str, head: &[u8]) -> String {
    guess(&Memory::new(name, head), &mut MemorySpill).unwrap_or_default()
}

/// The beginning of an input.
#[derive(Debug, Default)]
struct Sample {
    header: Vec<String>,
    has_header: bool,
    delimiter: Option<u8>,
    skip_lines: usize,
    rows: Vec<Vec<String>>,
    moments: Vec<bool>,
}

impl Sample {
    /// The values of a column that are not empty.
    fn values(&self, column: usize) -> impl Iterator<Item = &str> {
        let texts = self.rows.iter().filter_map(move |row| row.get(column));
        texts.map(|text| text.trim()).filter(|text| !text.is_empty())
    }
}

fn delimited(stream: Stream, name: &str) -> Result<Sample, IngestError> {
    let delimiter = best_delimiter(stream.ahead());
    let mut lines = Lines::new(stream, delimiter, 1);
    let mut rows: Vec<(u64, Vec<String>)> = Vec::new();
    while rows.len() < SAMPLE_ROWS && lines.next(name)? == Step::Record {
        let fields = lines.record().iter().map(|f| String::from_utf8_lossy(f).trim().to_owned());
        rows.push((lines.line(), fields.collect()));
    }
    let width = rows.iter().map(|(_, row)| row.len()).fold(Vec::new(), count_width);
    let width = width.iter().max_by_key(|(width, count)| (*count, *width)).map_or(0, |w| w.0);
    let Some(first) = rows.iter().position(|(_, row)| row.len() == width) else {
        return Err(IngestError::new(name, "there is no table in it").hint("is it a text file?"));
    };
    let skip_lines = usize::try_from(rows[first].0 - 1).unwrap_or(0);
    let mut rows: Vec<Vec<String>> =
        rows.drain(first..).map(|(_, row)| row).filter(|row| row.len() == width).collect();
    let has_header = !rows[0].iter().any(|field| looks_like_data(field));
    let header = if has_header {
        rows.remove(0)
    } else {
        (1..=width).map(|number| format!("column {number}")).collect()
    };
    let moments = vec![false; width];
    Ok(Sample { header, has_header, delimiter: Some(delimiter), skip_lines, rows, moments })
}

fn count_width(mut counts: Vec<(usize, usize)>, width: usize) -> Vec<(usize, usize)> {
    match counts.iter_mut().find(|(known, _)| *known == width) {
        Some((_, count)) => *count += 1,
        None => counts.push((width, 1)),
    }
    counts
}

/// The delimiter that cuts the most lines into equally many fields. The first line alone does
/// not say: banks like to put a title above the table.
fn best_delimiter(head: &[u8]) -> u8 {
    let lines: Vec<&[u8]> = head.split(|&b| b == b'\n').take(50).collect();
    let score = |delimiter: u8| {
        let counts = lines.iter().map(|line| memchr::memchr_iter(delimiter, line).count());
        let widths = counts.filter(|&count| count > 0).fold(Vec::new(), count_width);
        widths.iter().map(|&(width, lines)| lines * (10 + width.min(20))).max().unwrap_or(0)
    };
    let best = [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|&d| score(d));
    best.filter(|&d| score(d) > 0).unwrap_or_else(|| delimiter_of(head))
}

fn looks_like_data(field: &str) -> bool {
    let digits = field.bytes().filter(u8::is_ascii_digit).count();
    // A name may have a digit (`Amount 1`); a value that is mostly digits is no name.
    digits > 0 && digits * 2 >= field.len()
}

fn json_lines(stream: Stream, name: &str) -> Result<Sample, IngestError> {
    let mut lines = TextLines::new(stream);
    let mut sample = Sample { has_header: true, ..Sample::default() };
    while sample.rows.len() < SAMPLE_ROWS
        && let Some(step) = lines.next(name)?
    {
        let Ok(members) = json::members(lines.text()) else { continue };
        if step != Step::Record {
            continue;
        }
        if sample.header.is_empty() {
            sample.header = members.iter().map(|(name, _)| name.clone()).collect();
        }
        let value = |column: &String| {
            let found = members.iter().find(|(name, _)| name == column);
            found.map_or_else(String::new, |(_, v)| String::from_utf8_lossy(v).into_owned())
        };
        sample.rows.push(sample.header.iter().map(value).collect());
    }
    sample.moments = vec![false; sample.header.len()];
    Ok(sample)
}

fn table(table: Table, name: &str) -> Result<Sample, IngestError> {
    let header = table.header.clone();
    let moments = table.moments.clone();
    let all: Vec<usize> = (0..header.len()).collect();
    let mut rows = table.rows(&all, name)?;
    let mut sample = Sample { header, has_header: true, moments, ..Sample::default() };
    rows.next_batch(name, &mut |record| {
        if sample.rows.len() < SAMPLE_ROWS {
            let fields = record.iter().map(|field| String::from_utf8_lossy(field).into_owned());
            sample.rows.push(fields.collect());
        }
        Ok(())
    })?;
    Ok(sample)
}

/// What a column may be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Time,
    Clock,
    Debtor,
    Creditor,
    DebtorBank,
    CreditorBank,
    Own,
    Other,
    Amount,
    Currency,
    Id,
    Method,
    Label,
    Attempt,
}

/// Words by which banks and data sets name their columns, most telling first. They are compared
/// in lower case, letters without accents, anything else a blank.
const WORDS: &[(Role, &str)] = &[
    (
        Role::Time,
        "booking date| booking time| transaction date| transaction time| payment date| \
         value date| buchungstag| buchungsdatum| valutadatum| wertstellung| valuta| \
         date operation| date de l operation| fecha operacion| fecha valor| data operazione| \
         data contabile| boekdatum| transactiedatum| timestamp| datetime| date time| \
         created at| block timestamp| posted| date| datum| fecha| data| time| zeit| step| \
         day| ts| when",
    ),
    (Role::Clock, "time of day| uhrzeit| heure| hora| ora| tijd| time| clock"),
    (
        Role::DebtorBank,
        "from bank| debtor bank| sender bank| payer bank| bank from| bank orig| \
         originator bank| debtor agent| debtor bic| sender bic| from bic| source bank| \
         blz auftraggeber| auftraggeber blz| bic auftraggeber| auftraggeber bic| \
         bank auftraggeber| auftraggeber bank| from sort code| sender sort code",
    ),
    (
        Role::CreditorBank,
        "to bank| creditor bank| receiver bank| beneficiary bank| payee bank| bank to| \
         bank dest| creditor agent| creditor bic| beneficiary bic| to bic| receiver bic| \
         target bank| blz empfanger| empfanger blz| bic empfanger| empfanger bic| \
         bank empfanger| empfanger bank| to sort code| recipient bank",
    ),
    (
        Role::Debtor,
        "debtor iban| debtor account| iban from| from iban| sender iban| sender account| \
         from account| account from| payer account| payer iban| originator account| \
         ordering account| source account| debit account| iban auftraggeber| \
         auftraggeber iban| konto auftraggeber| auftraggeber konto| compte debiteur| compte emetteur| \
         iban emetteur| iban donneur| cuenta ordenante| cuenta origen| iban ordenante| \
         conto ordinante| iban ordinante| debtor| payer| sender| originator| orderer| source| \
         auftraggeber| zahler| absender| debiteur| emetteur| donneur d ordre| ordenante| \
         pagador| remitente| origen| ordinante| mittente| betaler| from| orig| src| von| \
         nameorig| sourcenodeid",
    ),
    (
        Role::Creditor,
        "creditor iban| creditor account| iban to| to iban| beneficiary iban| \
         beneficiary account| receiver iban| receiver account| recipient iban| \
         recipient account| to account| account to| payee account| payee iban| \
         target account| destination account| credit account| iban empfanger| empfanger iban| \
         konto empfanger| empfanger konto| iban begunstigter| compte crediteur| compte beneficiaire| \
         iban beneficiaire| cuenta beneficiario| cuenta destino| iban beneficiario| \
         conto beneficiario| creditor| payee| beneficiary| receiver| recipient| empfanger| \
         begunstigter| zahlungsempfanger| crediteur| beneficiaire| destinataire| \
         beneficiario| destinatario| destino| ontvanger| target| dest| destination| to| dst| \
         an| namedest| targetnodeid",
    ),
    (
        Role::Own,
        "auftragskonto| iban auftragskonto| eigenes konto| own account| account id| \
         account number| account no| account| rekening| kontonummer| konto| compte| cuenta| \
         conto| iban",
    ),
    (
        Role::Other,
        "counterparty iban| counterparty account| counter account| gegenkonto| \
         kontonummer iban| iban zahlungsbeteiligter| iban zahlungspflichtiger| \
         compte contrepartie| contrepartie| contrapartida| controparte| tegenrekening| \
         counterparty| other account| partner account",
    ),
    (
        Role::Amount,
        "transaction amount| payment amount| instructed amount| amount paid| amount| amt| \
         betrag| umsatz| montant| importe| monto| importo| bedrag| valor| value| kwota| \
         castka| belob| belopp| sum| summe| soll haben",
    ),
    (
        Role::Currency,
        "payment currency| currency code| currency| ccy| cur| wahrung| devise| monnaie| \
         moneda| divisa| valuta| munt| waluta| mena",
    ),
    (
        Role::Id,
        "payment id| transaction id| transaction reference| end to end id| endtoendid| \
         reference number| tx id| txid| trans id| uetr| id| hash| reference| ref| referenz| \
         vorgangsnummer| transaktionsnummer| referencia| riferimento",
    ),
    (
        Role::Method,
        "payment method| payment format| payment type| transaction type| method| channel| \
         rail| buchungstext| umsatzart| zahlungsart| mode de paiement| metodo| type| art| \
         tipo| format",
    ),
    (
        Role::Label,
        "is laundering| is fraud| isfraud| is sar| issar| fraud| laundering| label| \
         suspicious| betrug| fraude| class",
    ),
    (Role::Attempt, "attempt| pattern id| patternid| pattern| scheme| case id"),
];

/// Columns of people's names are no accounts, though they stand beside them.
const PERSONS: [&str; 12] = [
    "name",
    "nom",
    "nombre",
    "nome",
    "naam",
    "inhaber",
    "holder",
    "titulaire",
    "address",
    "adresse",
    "country",
    "city",
];

/// A column's name as it is compared: lower case, no accents, one blank between words.
fn plain(name: &str) -> String {
    let mut text = String::new();
    let mut before_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && before_lower {
            text.push(' ');
        }
        before_lower = c.is_lowercase();
        match c.to_lowercase().next().unwrap_or(c) {
            '\u{e0}'..='\u{e5}' => text.push('a'),
            '\u{e7}' | '\u{107}' | '\u{10d}' => text.push('c'),
            '\u{e8}'..='\u{eb}' | '\u{119}' | '\u{11b}' => text.push('e'),
            '\u{ec}'..='\u{ef}' => text.push('i'),
            '\u{f1}' | '\u{144}' => text.push('n'),
            '\u{f2}'..='\u{f6}' | '\u{f8}' => text.push('o'),
            '\u{f9}'..='\u{fc}' => text.push('u'),
            '\u{df}' => text.push_str("ss"),
            c if c.is_alphanumeric() => text.push(c),
            _ => text.push(' '),
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How well a name fits a role: 0 for not at all. Equal is best, then longer words.
fn score(name: &str, words: &str) -> usize {
    let words: Vec<&str> = words.split('|').map(str::trim).collect();
    let padded = format!(" {name} ");
    let tight: String = name.split(' ').collect();
    let of = |(rank, word): (usize, &&str)| {
        let telling = words.len() - rank;
        if name == *word || tight == *word {
            return 10_000 + telling;
        }
        if padded.contains(&format!(" {word} ")) { 1_000 + word.len() * 20 + telling } else { 0 }
    };
    words.iter().enumerate().map(of).max().unwrap_or(0)
}

/// Which column has which role.
#[derive(Debug, Default)]
struct Roles(Vec<(Role, usize)>);

impl Roles {
    fn get(&self, role: Role) -> Option<usize> {
        self.0.iter().find(|(known, _)| *known == role).map(|&(_, column)| column)
    }
}

fn assign(sample: &Sample) -> Roles {
    let mut candidates: Vec<(usize, Role, usize)> = Vec::new();
    for (column, name) in sample.header.iter().enumerate() {
        let name = plain(name);
        let person = PERSONS.iter().any(|word| format!(" {name} ").contains(&format!(" {word} ")));
        for &(role, words) in WORDS {
            let account = matches!(role, Role::Debtor | Role::Creditor | Role::Own | Role::Other);
            // `Empfaenger` is how a keyboard without umlauts writes it.
            let bare = name.replace("ae", "a").replace("oe", "o").replace("ue", "u");
            let fit = || score(&name, words).max(score(&bare, words));
            let mut fit = if sample.has_header { fit() } else { 0 };
            if account && person && !name.contains("iban") && !name.contains("account") {
                fit /= 100;
            }
            if fit > 0 && fits_values(role, sample, column) {
                candidates.push((fit, role, column));
            }
        }
    }
    // The best fit first; of equals the column that stands first.
    candidates.sort_by(|a, b| b.0.cmp(&a.0).then(a.2.cmp(&b.2)));
    let mut roles = Roles::default();
    for (_, role, column) in candidates {
        if roles.get(role).is_none() && roles.0.iter().all(|&(_, taken)| taken != column) {
            roles.0.push((role, column));
        }
    }
    by_values(sample, &mut roles);
    roles
}

/// What the names do not say, values may: a moment, a currency, an amount with decimals.
fn by_values(sample: &Sample, roles: &mut Roles) {
    for role in [Role::Time, Role::Currency, Role::Amount] {
        if roles.get(role).is_some() {
            continue;
        }
        let free = (0..sample.header.len()).find(|&column| {
            let untaken = roles.0.iter().all(|&(_, taken)| taken != column);
            let telling = match role {
                Role::Amount => sample.values(column).any(|value| value.contains(['.', ','])),
                _ => sample.values(column).all(|value| value.len() >= 3),
            };
            let calendar = role != Role::Time
                || sample.moments[column]
                || sample.values(column).any(|value| value.contains(['-', '/', '.', ':']));
            untaken && telling && calendar && fits_values(role, sample, column)
        });
        roles.0.extend(free.map(|column| (role, column)));
    }
    if !sample.has_header {
        // Without names the first free columns are taken to say from whom to whom.
        for role in [Role::Debtor, Role::Creditor] {
            let free = (0..sample.header.len()).find(|&column| {
                let untaken = roles.0.iter().all(|&(_, taken)| taken != column);
                untaken && sample.values(column).next().is_some()
            });
            roles.0.extend(free.map(|column| (role, column)));
        }
    }
}

fn fits_values(role: Role, sample: &Sample, column: usize) -> bool {
    if sample.values(column).next().is_none() {
        return sample.rows.is_empty() || matches!(role, Role::Attempt | Role::Label);
    }
    match role {
        Role::Time => sample.moments[column] || !time_forms(sample, &[column]).is_empty(),
        Role::Clock => sample.values(column).all(is_clock),
        Role::Amount => number_style(sample, column).is_some(),
        Role::Currency => sample.values(column).all(|value| Currency::from_name(value).is_some()),
        Role::Label => sample.values(column).all(|value| value.len() <= 8),
        _ => true,
    }
}

fn is_clock(text: &str) -> bool {
    Pattern::new("%Y-%m-%d %H:%M:%S").is_some_and(|pattern| {
        let whole = |text: &str| {
            let text = format!("2000-01-01 {text}");
            instant::parse(text.as_bytes(), &TimeForm::Pattern(pattern.clone()), 0).is_some()
        };
        whole(text) || whole(&format!("{text}:00"))
    })
}

/// The ways a calendar date is written, and those of a time of day behind it.
const DATES: [&str; 16] = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%d-%b-%y",
    "%Y%m%d",
];
const CLOCKS: [&str; 9] = [
    "",
    " %H:%M",
    " %H:%M:%S",
    " %H:%M:%S%.f",
    "T%H:%M:%S",
    " %I:%M %p",
    " %I:%M:%S %p",
    " %H%M%S",
    " %H.%M.%S",
];

/// The time formats of the mapping that read every value of these columns.
fn time_forms(sample: &Sample, columns: &[usize]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for row in &sample.rows {
        let parts: Vec<&str> =
            columns.iter().map(|&c| row.get(c).map_or("", String::as_str).trim()).collect();
        if parts.iter().all(|part| !part.is_empty()) {
            texts.push(parts.join(" "));
        }
    }
    texts.sort_unstable();
    texts.dedup();
    if texts.is_empty() {
        return Vec::new();
    }
    if texts.iter().all(|text| text.bytes().all(|b| b.is_ascii_digit() || b == b'.')) {
        return counts(&texts);
    }
    let reads = |form: &TimeForm, text: &String| {
        instant::parse(text.as_bytes(), form, 0)
            // A pattern of four digits also reads `24` as the year 24.
            .is_some_and(|time| (-2_208_988_800_000_000..7_258_118_400_000_000).contains(&time.0))
    };
    if texts.iter().all(|text| reads(&TimeForm::Rfc3339, text)) {
        return vec!["rfc3339".to_owned()];
    }
    let forms =
        DATES.iter().flat_map(|date| CLOCKS.iter().map(move |clock| format!("{date}{clock}")));
    let mut found: Vec<(String, Vec<Option<shroff_types::Timestamp>>)> = Vec::new();
    for form in forms {
        let Some(pattern) = Pattern::new(&form).map(TimeForm::Pattern) else { continue };
        if !texts.iter().all(|text| reads(&pattern, text)) {
            continue;
        }
        let times: Vec<_> =
            texts.iter().map(|text| instant::parse(text.as_bytes(), &pattern, 0)).collect();
        // Forms that say the same of every text are one.
        if found.iter().all(|(_, others)| *others != times) {
            found.push((form, times));
        }
    }
    found.into_iter().map(|(form, _)| form).collect()
}

/// Times that are numbers: their length says of what.
fn counts(texts: &[String]) -> Vec<String> {
    let dotted = |text: &String| text.contains('.');
    if texts.iter().all(dotted) && texts.iter().any(|text| text.matches('.').count() == 2) {
        let forms = ["%d.%m.%Y", "%Y.%m.%d", "%d.%m.%y"].into_iter();
        let reads = |form: &&str| {
            let pattern = Pattern::new(form).map(TimeForm::Pattern);
            let early = shroff_types::Timestamp(-2_208_988_800_000_000);
            pattern.is_some_and(|pattern| {
                texts.iter().all(|text| {
                    instant::parse(text.as_bytes(), &pattern, 0).is_some_and(|time| time > early)
                })
            })
        };
        return forms.filter(reads).map(str::to_owned).collect();
    }
    let whole = |text: &String| text.split('.').next().map_or(0, str::len);
    let (least, most) = (texts.iter().map(whole).min(), texts.iter().map(whole).max());
    let form = match (least.unwrap_or(0), most.unwrap_or(0)) {
        (8, 8) if is_compact_date(texts) => "%Y%m%d",
        (14, 14) => "%Y%m%d%H%M%S",
        (9.., ..=10) => "seconds",
        (12.., ..=13) => "millis",
        (15.., ..=16) => "micros",
        (_, ..=5) => "days",
        _ => return Vec::new(),
    };
    vec![form.to_owned()]
}

fn is_compact_date(texts: &[String]) -> bool {
    let pattern = Pattern::new("%Y%m%d").map(TimeForm::Pattern);
    pattern.is_some_and(|p| texts.iter().all(|t| instant::parse(t.as_bytes(), &p, 0).is_some()))
}

/// How amounts are written, and what should be said about it.
#[derive(Debug)]
struct NumberStyle {
    form: NumberForm,
    negative: bool,
    fine: bool,
    doubtful: bool,
}

fn number_style(sample: &Sample, column: usize) -> Option<NumberStyle> {
    const STYLES: [(u8, Option<char>); 8] = [
        (b'.', None),
        (b',', None),
        (b'.', Some(',')),
        (b',', Some('.')),
        (b',', Some(' ')),
        (b'.', Some(' ')),
        (b'.', Some('\'')),
        (b'.', Some('\u{2019}')),
    ];
    let reads = |form: NumberForm, decimals: u8| {
        sample.values(column).all(|value| number::parse(value.as_bytes(), form, decimals).is_ok())
    };
    let forms =
        STYLES.map(|(point, thousands)| NumberForm { point, thousands, ..NumberForm::PLAIN });
    let negative = sample.values(column).any(|value| value.starts_with('-'));
    sample.values(column).next()?;
    // With two decimals first: `1.234` is then a thousand and not a fraction of a cent.
    let coarse: Vec<NumberForm> = forms.iter().copied().filter(|&form| reads(form, 2)).collect();
    if let Some(&form) = coarse.first() {
        let grouped = form.thousands.is_some();
        let plain = reads(NumberForm { thousands: None, ..form }, 2);
        let three =
            NumberForm { point: form.thousands.map_or(b'.', mark_byte), ..NumberForm::PLAIN };
        let doubtful = grouped && !plain && reads(three, 3);
        return Some(NumberStyle { form, negative, fine: false, doubtful });
    }
    let form = forms.iter().copied().find(|&form| reads(form, 18))?;
    Some(NumberStyle { form, negative, fine: true, doubtful: false })
}

fn mark_byte(mark: char) -> u8 {
    u8::try_from(mark).unwrap_or(b'.')
}

/// Writes the mapping.
fn write(name: &str, sample: &Sample) -> String {
    let roles = assign(sample);
    let mut text = format!("# A mapping for `{}`, guessed: look it over.\n", one_line(name));
    let _ignored = writeln!(text, "# The columns:");
    for (number, column) in sample.header.iter().enumerate() {
        let _ignored = writeln!(text, "#   {} {}", number + 1, one_line(column));
    }
    text.push('\n');
    if let Some(delimiter) = sample.delimiter {
        let _ignored =
            writeln!(text, "delimiter = {}", toml_text(&char::from(delimiter).to_string()));
    }
    if sample.skip_lines > 0 {
        let _ignored = writeln!(text, "skip_lines = {}", sample.skip_lines);
    }
    if !sample.has_header {
        text.push_str("header = false  # columns are named by number\n");
    }
    let keys = [("id", Role::Id), ("method", Role::Method), ("attempt", Role::Attempt)];
    for (key, role) in keys {
        match roles.get(role) {
            Some(column) => {
                let _ignored = writeln!(text, "{key} = {}", sample.column(column));
            }
            None => {
                let _ignored = writeln!(text, "# {key} = \"...\"");
            }
        }
    }
    write_time(&mut text, sample, &roles);
    let statement = write_accounts(&mut text, sample, &roles);
    write_amount(&mut text, sample, &roles, statement);
    write_label(&mut text, sample, &roles);
    text
}

impl Sample {
    /// A column as the mapping names it: by name, or by number where that says it better.
    fn column(&self, column: usize) -> String {
        let name = &self.header[column];
        let twice = self.header.iter().filter(|other| *other == name).count() > 1;
        if !self.has_header || twice || name.is_empty() {
            return (column + 1).to_string();
        }
        toml_text(name)
    }
}

fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn fill_in(what: &str) -> String {
    toml_text(&format!("{FILL_IN}: {what}"))
}

fn write_time(text: &mut String, sample: &Sample, roles: &Roles) {
    text.push_str("\n[time]\n");
    let Some(date) = roles.get(Role::Time) else {
        let column = fill_in("the column that says when");
        let _ignored = writeln!(text, "column = {column}\nformat = \"rfc3339\"");
        return;
    };
    let mut columns = vec![date];
    let mut forms = time_forms(sample, &columns);
    if let Some(clock) = roles.get(Role::Clock) {
        let both = time_forms(sample, &[date, clock]);
        if !both.is_empty() {
            (columns, forms) = (vec![date, clock], both);
        }
    }
    let names: Vec<String> = columns.iter().map(|&column| sample.column(column)).collect();
    let _ignored = match names.as_slice() {
        [one] => writeln!(text, "column = {one}"),
        several => writeln!(text, "columns = [{}]", several.join(", ")),
    };
    if forms.len() > 1 {
        let others = quoted(forms.iter().skip(1).map(String::as_str));
        let _ignored = writeln!(
            text,
            "# AMBIGUOUS: every date in the sample can also be read as {others}. Check it."
        );
    }
    let form =
        if sample.moments[date] { "rfc3339" } else { forms.first().map_or("rfc3339", |f| f) };
    let _ignored = writeln!(text, "format = {}", toml_text(form));
    if matches!(form, "days") {
        text.push_str("# Small whole numbers: days or hours since the beginning?\n");
    }
    text.push_str("# utc_offset = \"+01:00\"  # if the times are local and do not say so\n");
}

/// Writes debtor and creditor; true where the sign of the amount says who pays.
fn write_accounts(text: &mut String, sample: &Sample, roles: &Roles) -> bool {
    let sides = [Role::Debtor, Role::Creditor].map(|role| roles.get(role));
    let (own, other) = (roles.get(Role::Own), roles.get(Role::Other));
    let banks = [Role::DebtorBank, Role::CreditorBank].map(|role| roles.get(role));
    let (found, statement) = match (sides, own, other) {
        ([Some(debtor), Some(creditor)], ..) => ([Some(debtor), Some(creditor)], false),
        // A statement: its own account, and the other side.
        ([debtor, creditor], Some(own), _) => {
            let other = other.or(debtor).or(creditor);
            ([Some(own), other], true)
        }
        ([debtor, creditor], None, other) => {
            ([debtor.or(if creditor.is_some() { other } else { None }), creditor.or(other)], false)
        }
    };
    let titles = [("debtor", "that pays"), ("creditor", "that is paid")];
    for ((found, bank), (key, what)) in found.into_iter().zip(banks).zip(titles) {
        let _ignored = writeln!(text, "\n[{key}]");
        let Some(column) = found else {
            let column = fill_in(&format!("the column of the account {what}"));
            let _ignored = writeln!(text, "column = {column}");
            continue;
        };
        let _ignored = match bank {
            Some(bank) => {
                let (bank, column) = (sample.column(bank), sample.column(column));
                writeln!(text, "columns = [{bank}, {column}]  # bank and number together")
            }
            None => writeln!(text, "column = {}", sample.column(column)),
        };
        if !sample.has_header {
            text.push_str("# GUESSED by its place alone: check it.\n");
        }
        let iban = |value: &str| value.len() > 15 && value.contains(' ');
        if sample.values(column).any(iban) {
            text.push_str("strip_spaces = true\n");
        }
    }
    statement
}

fn write_amount(text: &mut String, sample: &Sample, roles: &Roles, statement: bool) {
    text.push_str("\n[amount]\n");
    let mut code = None;
    match roles.get(Role::Amount) {
        None => {
            let _ignored = writeln!(text, "column = {}", fill_in("the column that says how much"));
        }
        Some(column) => {
            let _ignored = writeln!(text, "column = {}", sample.column(column));
            let words = sample.header[column].split(|c: char| !c.is_alphanumeric());
            code = words.filter(|w| w.len() == 3).find_map(Currency::from_code);
            write_style(text, number_style(sample, column), statement);
        }
    }
    text.push_str("\n[currency]\n");
    let _ignored = match (roles.get(Role::Currency), code) {
        (Some(column), _) => writeln!(text, "column = {}", sample.column(column)),
        (None, Some(code)) => writeln!(text, "fixed = \"{code}\""),
        (None, None) => {
            writeln!(text, "fixed = \"XXX\"  # no currency was found: write its code, such as EUR")
        }
    };
}

fn write_style(text: &mut String, style: Option<NumberStyle>, statement: bool) {
    let Some(style) = style else {
        text.push_str("decimal = \".\"\n");
        return;
    };
    let _ignored = writeln!(text, "decimal = \"{}\"", char::from(style.form.point));
    if style.doubtful {
        text.push_str("# AMBIGUOUS: three digits behind each mark are taken for thousands.\n");
    }
    if let Some(mark) = style.form.thousands {
        let _ignored = writeln!(text, "thousands = {}", toml_text(&mark.to_string()));
    }
    if style.fine {
        text.push_str("rounding = \"round\"  # the amounts have more than two decimals\n");
    }
    match (style.negative, statement) {
        (true, true) => {
            text.push_str("sign = \"statement\"  # below zero the debtor column pays\n");
        }
        (true, false) => {
            text.push_str(
                "sign = \"absolute\"  # some amounts are below zero: what does that say?\n",
            );
        }
        (false, _) => {}
    }
}

fn write_label(text: &mut String, sample: &Sample, roles: &Roles) {
    match roles.get(Role::Label) {
        Some(column) => {
            let _ignored = writeln!(text, "\n[label]\ncolumn = {}", sample.column(column));
            text.push_str(
                "# true = [\"1\", \"yes\"]  # the values that mean laundering or fraud\n",
            );
        }
        None => text.push_str("\n# [label]\n# column = \"...\"\n"),
    }
}
