//! Names of columns that say something of a person: protected attributes and their proxies.
//!
//! Meant for names that users give: columns of their files, features of their definitions. A name
//! is split into words at `_`, other signs, digits and changes of case; letters lose their accents.
//! - Most words are refused wherever they stand, in the languages of the first institutions.
//! - `age` and `name` have innocent meanings (`debtor_out_age_24h` is a time since a payment,
//!   `account_age` belongs to the account, `bank_name` to a bank). They are refused where they
//!   begin the name or follow a word for a person.
//!
//! No list of words is complete: it catches the honest mistake, and a review catches the rest.

/// What is refused wherever it stands as a word of its own.
const WORDS: &[(&str, &[&str])] = &[
    (
        "sex or gender is a protected attribute",
        &[
            "sex",
            "sexe",
            "sexo",
            "sesso",
            "female",
            "geslacht",
            "plec",
            "cinsiyet",
            "pohlavi",
            "kjonn",
            "kon",
            "anrede",
            "salutation",
            "honorific",
            "pronoun",
            "pronouns",
        ],
    ),
    (
        "age is a protected attribute",
        &["dob", "yob", "edad", "idade", "leeftijd", "lebensalter", "wiek", "senior", "minor_age"],
    ),
    (
        "nationality and origin are protected attributes",
        &[
            "staatsangehorigkeit",
            "staatsangehoerigkeit",
            "obywatelstwo",
            "narodowosc",
            "uyruk",
            "passport",
            "immigrant",
            "migrant",
            "foreigner",
            "ausweis",
        ],
    ),
    (
        "names of people stand for origin and sex",
        &[
            "surname",
            "forename",
            "firstname",
            "lastname",
            "fullname",
            "vorname",
            "nachname",
            "prenom",
            "apellido",
            "apellidos",
            "cognome",
            "sobrenome",
            "voornaam",
            "achternaam",
            "imie",
            "nazwisko",
            "soyad",
            "initials",
        ],
    ),
    (
        "where people live stands for origin and wealth",
        &[
            "postcode",
            "zip",
            "zipcode",
            "postal",
            "plz",
            "postleitzahl",
            "cep",
            "pincode",
            "address",
            "adresse",
            "street",
            "neighborhood",
            "neighbourhood",
            "latitude",
            "longitude",
        ],
    ),
    (
        "religion and belief are protected attributes",
        &[
            "faith",
            "belief",
            "church",
            "konfession",
            "kirchensteuer",
            "geloof",
            "wyznanie",
            "political",
            "politics",
        ],
    ),
    (
        "ethnicity is a protected attribute",
        &[
            "race",
            "racial",
            "tribe",
            "caste",
            "etnia",
            "ethnie",
            "etnicidad",
            "language",
            "mothertongue",
            "sprache",
        ],
    ),
    (
        "health and disability are protected attributes",
        &[
            "handicap",
            "handicapped",
            "behinderung",
            "discapacidad",
            "deficiencia",
            "pregnant",
            "pregnancy",
            "health",
            "diagnosis",
            "biometric",
        ],
    ),
    (
        "family and orientation are protected attributes",
        &["married", "familienstand", "divorced", "widowed", "spouse", "orientation"],
    ),
];

/// What is refused also as a part of a word: it is long enough to mean nothing else.
const PARTS: &[(&str, &[&str])] = &[
    ("sex or gender is a protected attribute", &["gender", "geschlecht"]),
    (
        "birth tells age and origin, which are protected attributes",
        &[
            "birth",
            "geburt",
            "geboorte",
            "naissance",
            "nacimiento",
            "nascita",
            "nascimento",
            "narozeni",
            "urodzenia",
        ],
    ),
    (
        "nationality and origin are protected attributes",
        &["nationalit", "nacionalid", "nazionalit", "nationalita", "citizen"],
    ),
    ("religion and belief are protected attributes", &["religio"]),
    ("ethnicity is a protected attribute", &["ethnic"]),
    ("health and disability are protected attributes", &["disabil", "disabl"]),
    ("family and orientation are protected attributes", &["marital", "estadocivil", "etatcivil"]),
    ("where people live stands for origin and wealth", &["codepostal", "codigopostal"]),
];

/// Refused at the beginning of a name, or after a word for a person.
const OF_A_PERSON: &[(&str, &[&str])] = &[
    ("age is a protected attribute", &["age", "alter"]),
    (
        "names of people stand for origin and sex",
        &["name", "names", "nom", "nombre", "nome", "naam"],
    ),
];

/// Words for a person, and those that make `name` a person's.
const PERSONS: &[&str] = &[
    "beneficiary",
    "client",
    "cliente",
    "creditor",
    "customer",
    "debtor",
    "employee",
    "family",
    "first",
    "full",
    "given",
    "holder",
    "kunde",
    "kunden",
    "last",
    "maiden",
    "member",
    "middle",
    "originator",
    "owner",
    "payee",
    "payer",
    "person",
    "receiver",
    "recipient",
    "sender",
    "user",
];

/// Why a name of a column means a protected attribute or a proxy of one; nothing where it does not.
pub fn protected(name: &str) -> Option<&'static str> {
    let words = words(name);
    let joined = words.concat();
    let part = PARTS.iter().find(|(_, parts)| parts.iter().any(|part| joined.contains(part)));
    if let Some((reason, _)) = part {
        return Some(reason);
    }
    words.iter().enumerate().find_map(|(at, word)| {
        let is_word = |list: &&(&str, &[&str])| list.1.contains(&word.as_str());
        let personal = at == 0 || PERSONS.contains(&words[at - 1].as_str());
        let found = WORDS.iter().find(is_word);
        let found = found.or_else(|| OF_A_PERSON.iter().find(is_word).filter(|_| personal));
        found.map(|(reason, _)| *reason)
    })
}

/// The words of a name, in small letters without accents.
fn words(name: &str) -> Vec<String> {
    let (mut words, mut word, mut after_small) = (Vec::new(), String::new(), false);
    for c in name.chars() {
        if !c.is_alphabetic() || c.is_uppercase() && after_small {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if c.is_alphabetic() {
            word.extend(c.to_lowercase().map(without_accent));
        }
        after_small = c.is_lowercase();
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// The letter of the alphabet under an accent, for the languages of the lists.
fn without_accent(c: char) -> char {
    match c {
        '\u{e0}'..='\u{e5}' | '\u{101}' | '\u{103}' | '\u{105}' => 'a',
        '\u{e7}' | '\u{107}' | '\u{10d}' => 'c',
        '\u{e8}'..='\u{eb}' | '\u{119}' | '\u{11b}' => 'e',
        '\u{ec}'..='\u{ef}' | '\u{131}' => 'i',
        '\u{f1}' | '\u{144}' | '\u{148}' => 'n',
        '\u{f2}'..='\u{f6}' | '\u{f8}' => 'o',
        '\u{159}' => 'r',
        '\u{15b}' | '\u{15f}' | '\u{161}' => 's',
        '\u{f9}'..='\u{fc}' | '\u{16f}' => 'u',
        '\u{fd}' | '\u{ff}' => 'y',
        '\u{17a}' | '\u{17c}' | '\u{17e}' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::protected;

    #[test]
    fn protected_attributes_are_refused_in_several_spellings_and_languages() {
        for name in [
            "age",
            "Age",
            "age_group",
            "customer_age",
            "customerAge",
            "debtor_age",
            "alter_kunde",
            "sex",
            "debtor_gender",
            "GENDER",
            "customerGender",
            "geschlecht",
            "sexe",
            "nationality",
            "Nationalit\u{e4}t",
            "staatsangeh\u{f6}rigkeit",
            "citizenship",
            "birthplace",
            "place_of_birth",
            "dateOfBirth",
            "dateofbirth",
            "DOB",
            "geburtsdatum",
            "date_naissance",
            "birth_number",
            "name",
            "first_name",
            "customer_name",
            "surname",
            "pr\u{e9}nom",
            "nombre",
            "postcode",
            "zip",
            "zip5",
            "ZIPCode",
            "postal_code",
            "plz",
            "code_postal",
            "religion",
            "konfession",
            "ethnicity",
            "race",
            "disabled",
            "marital_status",
            "estado_civil",
            "home_address",
            "preferred_language",
        ] {
            assert!(protected(name).is_some(), "{name}");
        }
    }

    #[test]
    fn features_and_columns_of_payments_are_no_false_alarm() {
        for name in [
            "amount",
            "currency",
            "method",
            "debtor",
            "creditor",
            "time",
            "id",
            "debtor_out_age_24h",
            "creditor_in_age_7d",
            "pair_age_30d",
            "near_10k_debtor_out_age_7d",
            "account_age",
            "debtor_account_age_days",
            "bank_name",
            "file_name",
            "scheme_name",
            "average",
            "percentage",
            "message",
            "sussex_branch",
            "trace",
            "embrace",
            "shipment",
            "gzip",
            "coverage_7d",
            "passthrough_24h",
            "cycle_3_7d",
            "scatter_gather_size_7d",
            "chain_depth",
            "debtor_in_new_fan_7d",
            "country_of_bank",
            "minor_units",
            "usage",
            "package",
        ] {
            assert_eq!(protected(name), None, "{name}");
        }
    }
}
