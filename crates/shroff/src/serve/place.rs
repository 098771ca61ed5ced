//! Secrets are in files that only their owner can read; among them where the register is: a URL, or
//! a file that holds one where it has a password.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are opened")]

use std::path::Path;

use anyhow::{Context, bail};

/// The longest that such a file is.
const MOST_BYTES: u64 = 4_096;

/// The URL that is meant; none for the file in the data folder. What is said of it never quotes it.
pub(crate) fn url(given: Option<&str>, file: Option<&Path>) -> anyhow::Result<Option<String>> {
    match (given, file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => bail!("--register and --register-file are two places\nhint: one"),
        (Some(url), None) => {
            must_be_postgres(url, "--register")?;
            if has_password(url) {
                bail!(
                    "--register has a password in it, which the list of processes shows to \
                     everybody\nhint: put the URL into a file that only you can read, and name it \
                     with --register-file"
                );
            }
            Ok(Some(url.to_owned()))
        }
        (None, Some(path)) => {
            let url = private_text(path)?;
            if url.contains(char::is_whitespace) {
                bail!(
                    "`{}` is not one URL\nhint: as in postgres://user:password@host/database",
                    path.display()
                );
            }
            must_be_postgres(&url, &format!("`{}`", path.display()))?;
            Ok(Some(url))
        }
    }
}

fn must_be_postgres(url: &str, place: &str) -> anyhow::Result<()> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(());
    }
    bail!("{place} names no PostgreSQL\nhint: as in postgres://user@host/database");
}

/// Whether a URL has a password: before the host, or behind the `?`.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let user = before.rsplit_once('@').map_or("", |(user, _)| user);
    let names = query.split('&').filter_map(|pair| pair.split('=').next());
    user.contains(':') || names.into_iter().any(|name| name.contains("pass"))
}

/// The text of a file that only its owner can read, without the blanks around it.
pub(crate) fn private_text(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let told = || format!("cannot read `{shown}`");
    let metadata = std::fs::metadata(path).with_context(told)?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        if mode & 0o077 != 0 {
            bail!(
                "`{shown}` can be read by others: its mode is {:o}\nhint: chmod 600 {shown}",
                mode & 0o777
            );
        }
    }
    if metadata.len() > MOST_BYTES {
        bail!("`{shown}` has {} bytes, which is too much", metadata.len());
    }
    let text = std::fs::read_to_string(path).with_context(told)?;
    let text = text.trim();
    if text.is_empty() {
        bail!("`{shown}` is empty");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_wherever_a_url_may_have_one() {
        for (url, wanted) in [
            ("postgres://ann@host/db", false),
            ("postgres://host:5432/db?sslmode=require", false),
            ("postgresql:///db?host=/run/postgresql:1&user=ann", false),
            ("postgres://ann:secret@host/db", true),
            ("postgres://ann:se@cret@host/db", true),
            ("postgres://ann:@host/db", true),
            ("postgres://ann@host/db?password=secret", true),
            ("postgres://ann@host/db?sslmode=require&password=secret", true),
        ] {
            assert_eq!(has_password(url), wanted, "{url}");
            assert_eq!(super::url(Some(url), None).is_err(), wanted, "{url}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_file_with_a_url_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder of our own");
        let path = folder.path().join("url");
        let check = |text: &str, mode: u32| {
            std::fs::write(&path, text).expect("a file of our own");
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).expect("a file of our own");
            url(None, Some(&path)).map_err(|error| error.to_string())
        };
        let good = "postgres://ann:secret@host/db";
        assert_eq!(check(&format!("{good}\n"), 0o600), Ok(Some(good.to_owned())));
        for (text, mode, wanted) in [
            (good, 0o640, "mode is 640"),
            (good, 0o604, "chmod 600"),
            ("", 0o600, "is empty"),
            ("postgres://a\npostgres://b", 0o600, "not one URL"),
            ("mysql://ann:secret@host/db", 0o600, "names no PostgreSQL"),
            (&"x".repeat(5_000), 0o600, "5000 bytes"),
        ] {
            let said = check(text, mode).expect_err("it is refused");
            assert!(said.contains(wanted) && !said.contains("secret"), "{said}");
        }
    }
}
