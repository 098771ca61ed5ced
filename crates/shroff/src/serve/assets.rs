//! The files of the review desk, out of the binary.
//!
//! Names under `assets/` carry a digest of what is in them, so a browser may keep them for ever; the
//! page that names them is asked for anew each time.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;

use super::problem::{Kind, Problem};
use crate::outputs;

/// What `web/` was built into.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Dist;

/// A file, as it is and compressed.
struct Asset {
    kind: HeaderValue,
    tag: HeaderValue,
    /// How long a browser may go without asking.
    kept: HeaderValue,
    plain: Bytes,
    gzip: Bytes,
}

static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let files = Dist::iter().filter_map(|name| {
        let file = Dist::get(&name)?;
        let tag = outputs::hexadecimal(&file.metadata.sha256_hash()[..16]);
        let kept = if name.starts_with("assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let asset = Asset {
            kind: HeaderValue::from_static(kind_of(&name)),
            tag: HeaderValue::try_from(format!("\"{tag}\"")).ok()?,
            kept: HeaderValue::from_static(kept),
            gzip: compressed(&file.data).into(),
            plain: file.data.into_owned().into(),
        };
        Some((name.into_owned(), asset))
    });
    files.collect()
});

fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    // Nothing fails that is written into memory; where it did, the file would be sent as it is.
    out.write_all(bytes).and_then(|()| out.finish()).unwrap_or_default()
}

/// What is under no other path: a file of the desk, or nothing.
pub(crate) async fn asset(request: Request) -> Result<Response, Problem> {
    let name = match request.uri().path() {
        "/" => "index.html",
        path => path.trim_start_matches('/'),
    };
    let Some(asset) = ASSETS.get(name) else {
        return Err(Problem::new(Kind::NotFound, "there is no such path"));
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::new(Kind::MethodNotAllowed, "the method is not one of the path"));
    }
    Ok(asset.answer(request.headers()))
}

impl Asset {
    fn answer(&self, asked: &HeaderMap) -> Response {
        let is_known = names(asked, &IF_NONE_MATCH).any(|tag| self.tag == tag);
        let takes_gzip = names(asked, &ACCEPT_ENCODING).any(|it| it == "gzip");
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else if takes_gzip && self.gzip.len() < self.plain.len() && !self.gzip.is_empty() {
            let mut response = Response::new(self.gzip.clone().into());
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        } else {
            Response::new(self.plain.clone().into())
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.kind.clone());
        headers.insert(ETAG, self.tag.clone());
        headers.insert(CACHE_CONTROL, self.kept.clone());
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        response
    }
}

/// The values of a list in a header, without their parameters. One that is refused with `q=0` is
/// not told apart: browsers do not send that.
fn names<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let texts = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(|item| {
        item.split_once(';').map_or(item, |(name, _)| name).trim().trim_start_matches("W/")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_all_that_it_names_are_there() {
        let page = ASSETS.get("index.html").expect("the desk is built");
        let text = std::str::from_utf8(&page.plain).expect("it is text");
        let named: Vec<&str> = text
            .split(['"', ' '])
            .filter_map(|word| word.strip_prefix("./").or_else(|| word.strip_prefix("/assets/")))
            .collect();
        assert!(named.len() > 2, "{text}");
        for name in named {
            assert!(ASSETS.contains_key(name), "{name}");
        }
        for (name, asset) in ASSETS.iter() {
            assert_ne!(asset.kind, "application/octet-stream", "{name}");
        }
    }
}
