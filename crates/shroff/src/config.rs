//! The configuration file of the service. What the command line knows is what the file knows: the
//! keys, their values and their texts are those of `shroff serve`.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are opened")]

use std::any::TypeId;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, CommandFactory, FromArgMatches};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::cli::{self, Arguments, Serve};
use crate::{Ending, terminal};

/// Keys of the command line that a file does not have.
const NOT_IN_A_FILE: [&str; 3] = ["config", "help", "version"];

fn command() -> Command {
    Serve::augment_args(Command::new("serve")).no_binary_name(true)
}

/// Every key: its name in a file, and what the command line knows of it.
fn keys(command: &Command) -> Vec<(String, &Arg)> {
    let all = command.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg)));
    let kept = all.filter(|(long, _)| !NOT_IN_A_FILE.contains(long));
    kept.map(|(long, arg)| (long.replace('-', "_"), arg)).collect()
}

/// Reads the command line; what it does not say of a service, its file says.
pub(crate) fn arguments(words: Vec<OsString>) -> anyhow::Result<Arguments> {
    let matches = Arguments::command().get_matches_from(&words);
    let file = matches.subcommand_matches("serve").and_then(|serve| {
        let file = serve.get_one::<PathBuf>("config")?;
        Some((file.clone(), serve.clone()))
    });
    let Some((file, given)) = file else {
        return Ok(Arguments::from_arg_matches(&matches)?);
    };
    let mut words = words;
    words.extend(words_of(&file, &given)?);
    Ok(Arguments::from_arg_matches(&Arguments::command().try_get_matches_from(words)?)?)
}

/// What a file says, as words of a command line, without what the command line itself says.
fn words_of(path: &Path, given: &ArgMatches) -> anyhow::Result<Vec<OsString>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let table = DeTable::parse(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        anyhow::anyhow!("`{shown}`, {}: {}", place(&text, at), error.message())
    })?;
    let command = command();
    let keys = keys(&command);
    let mut words = Vec::new();
    for (key, value) in table.get_ref() {
        let at = place(&text, key.span().start);
        let Some((_, arg)) = keys.iter().find(|(name, _)| name == key.get_ref()) else {
            bail!("`{shown}`, {at}: there is no key `{}`{}", key.get_ref(), hint(key, &keys));
        };
        let said = said(arg, value, folder).map_err(|why| {
            let at = place(&text, value.span().start);
            anyhow::anyhow!("`{shown}`, {at}: `{}` {why}", key.get_ref())
        })?;
        // The value is checked alone, so that what is wrong has a place.
        command.clone().try_get_matches_from(&said).map_err(|error| {
            let at = place(&text, value.span().start);
            let why = error.to_string();
            let why = why.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
            anyhow::anyhow!("`{shown}`, {at}: {why}")
        })?;
        if given.value_source(arg.get_id().as_str()) != Some(ValueSource::CommandLine) {
            words.extend(said);
        }
    }
    Ok(words)
}

fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}

fn hint(key: &Spanned<std::borrow::Cow<'_, str>>, keys: &[(String, &Arg)]) -> String {
    let near = |name: &String| strsim::damerau_levenshtein(key.get_ref(), name);
    let best = keys.iter().map(|(name, _)| name).min_by_key(|name| near(name));
    match best.filter(|name| near(name) <= 3) {
        Some(name) => format!("\nhint: is `{name}` meant?"),
        None => "\nhint: `shroff config` lists the keys".to_owned(),
    }
}

/// A value as words of a command line.
fn said(
    arg: &Arg,
    value: &Spanned<DeValue<'_>>,
    folder: &Path,
) -> Result<Vec<OsString>, &'static str> {
    let flag = format!("--{}", arg.get_long().unwrap_or_default());
    let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
    let is_list = matches!(arg.get_action(), ArgAction::Append);
    let is_path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    let word = |value: &DeValue<'_>| {
        let text = match value {
            DeValue::String(text) if is_path => folder.join(text.as_ref()).into_os_string(),
            DeValue::String(text) => OsString::from(text.as_ref()),
            DeValue::Integer(number) => OsString::from(number.to_string()),
            DeValue::Float(number) => OsString::from(number.to_string()),
            _ => return Err("is a text or a number"),
        };
        let mut word = OsString::from(format!("{flag}="));
        word.push(text);
        Ok(word)
    };
    match value.get_ref() {
        DeValue::Boolean(true) if is_switch => Ok(vec![flag.into()]),
        DeValue::Boolean(false) if is_switch => Ok(Vec::new()),
        _ if is_switch => Err("is true or false"),
        DeValue::Array(values) if is_list => {
            values.iter().map(|value| word(value.get_ref())).collect()
        }
        value => Ok(vec![word(value)?]),
    }
}

/// `shroff config`: every key with its value, or whether a file can be used.
pub(crate) fn run(arguments: &cli::Config) -> anyhow::Result<Ending> {
    let nothing = command().try_get_matches_from(Vec::<OsString>::new())?;
    let file = arguments.check.as_ref().or(arguments.config.as_ref());
    let words = file.map(|file| words_of(file, &nothing)).transpose()?.unwrap_or_default();
    let command = command();
    let matches = command.clone().try_get_matches_from(words)?;
    if let Some(file) = &arguments.check {
        terminal::note(format_args!("`{}` can be used", file.display()));
        return Ok(Ending::Well);
    }
    std::io::stdout().lock().write_all(page(&command, &matches).as_bytes())?;
    Ok(Ending::Well)
}

/// The keys as a file to start from: what is a default stands behind a `#`.
fn page(command: &Command, matches: &ArgMatches) -> String {
    let mut page = String::new();
    for (name, arg) in keys(command) {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let defaults = arg.get_default_values().iter().map(|it| it.to_string_lossy());
        let default = defaults.collect::<Vec<_>>().join(", ");
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let is_list = matches!(arg.get_action(), ArgAction::Append);
        let id = arg.get_id().as_str();
        let is_set = matches.value_source(id) == Some(ValueSource::CommandLine);
        let raw = matches.get_raw(id).into_iter().flatten();
        let raw: Vec<String> = raw.map(|it| format!("{:?}", it.to_string_lossy())).collect();
        let value = match (is_switch, is_list) {
            (true, _) => matches.get_flag(id).to_string(),
            (_, true) => format!("[{}]", raw.join(", ")),
            _ => raw.first().cloned().unwrap_or_else(|| "\"\"".to_owned()),
        };
        let usual = match (is_switch, default.as_str()) {
            (true, _) => "false",
            (_, "") => "none",
            (_, default) => default,
        };
        let off = if is_set { "" } else { "# " };
        writeln!(page, "# {help} Default: {usual}.\n{off}{name} = {value}\n").unwrap_or_default();
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wanted: &str) {
        let file = tempfile::NamedTempFile::new().expect("a file of our own");
        std::fs::write(file.path(), text).expect("a file of our own");
        let given = command().get_matches_from(["--hold-for=3h"]);
        let got = match words_of(file.path(), &given) {
            Ok(words) => words.iter().map(|it| it.to_string_lossy().into_owned()).collect(),
            Err(error) => vec![error.to_string()],
        };
        let shown = file.path().display().to_string();
        let folder = format!("{}/", file.path().parent().expect("a folder").display());
        let got = got.join(" ").replace(&shown, "FILE").replace(&folder, "DIR/");
        assert_eq!(got, wanted);
    }

    #[test]
    fn a_file_is_words_of_the_command_line_and_what_is_wrong_has_its_place() {
        check("listen = \"127.0.0.1:1\"\nhold_for = \"1h\"", "--listen=127.0.0.1:1");
        check(
            "data = \"here\"\nlog_json = true\ndecimals = 5",
            "--data=DIR/here --decimals=5 --log-json",
        );
        check("set = [\"a.b=1\", \"c.d=2\"]", "--set=a.b=1 --set=c.d=2");
        check(
            "\n  hold_four = 1",
            "`FILE`, line 2, column 3: there is no key `hold_four`\nhint: is `hold_for` meant?",
        );
        check("log_json = 1", "`FILE`, line 1, column 12: `log_json` is true or false");
        check(
            "decimals = 99",
            "`FILE`, line 1, column 12: invalid value '99' for '--decimals <N>': 99 is not in 2..=18",
        );
        check(
            "config = \"x\"",
            "`FILE`, line 1, column 1: there is no key `config`\nhint: `shroff config` lists the keys",
        );
    }
}
