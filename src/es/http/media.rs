//! Media types: what `Accept` and `Content-Type` ask for, and which answer they get.
//!
//! Source: Elasticsearch 9.x, media type parser, REST version helper and the request's and the
//! answer's choice of a type.

use std::borrow::Cow;

use crate::es::error::ApiError;
use crate::http::Headers;
use crate::profile::Profile;

/// What the media type headers of a request came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Media {
    /// The `content-type` of the answer.
    pub response: Cow<'static, str>,
    /// What the body is; `Err` holds the header as it was sent.
    pub body: Result<BodyType, String>,
    /// The `compatible-with` that the client asked for, if it did.
    pub compatible_with: Option<u64>,
    /// Whether the client has asked for one type that is known. Without a wish, a table is text.
    pub names_type: bool,
}

/// The type of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyType {
    /// JSON, or JSON texts one a line.
    Json,
    /// One that Elasticsearch reads and this mock does not.
    Foreign(&'static str),
}

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const VERSIONED_JSON: &str = "application/vnd.elasticsearch+json";
const VERSIONED_NDJSON: &str = "application/vnd.elasticsearch+x-ndjson";

/// A header as Elasticsearch reads it.
struct Parsed<'a> {
    raw: &'a str,
    essence: String,
    parameters: Vec<(String, String)>,
}

/// A type that Elasticsearch has a reader and a writer for.
#[derive(Clone, Copy, PartialEq)]
struct MediaFormat {
    /// As it stands in an answer.
    name: &'static str,
    versioned: bool,
    foreign: Option<&'static str>,
}

const fn known(name: &'static str, versioned: bool, foreign: Option<&'static str>) -> MediaFormat {
    MediaFormat { name, versioned, foreign }
}

fn recognise(essence: &str) -> Option<MediaFormat> {
    Some(match essence {
        JSON | NDJSON | "application/*" => known(JSON, false, None),
        VERSIONED_JSON | VERSIONED_NDJSON => known(VERSIONED_JSON, true, None),
        "application/yaml" => known("application/yaml", false, Some("YAML")),
        "application/cbor" => known("application/cbor", false, Some("CBOR")),
        "application/smile" => known("application/smile", false, Some("SMILE")),
        "application/vnd.elasticsearch+yaml" => known("application/vnd.elasticsearch+yaml", true, Some("YAML")),
        "application/vnd.elasticsearch+cbor" => known("application/vnd.elasticsearch+cbor", true, Some("CBOR")),
        "application/vnd.elasticsearch+smile" => known("application/vnd.elasticsearch+smile", true, Some("SMILE")),
        _ => return None,
    })
}

/// Names that the `format` parameter takes, in any case.
fn recognise_format(format: &str) -> Option<MediaFormat> {
    let essence = match format.to_ascii_lowercase().as_str() {
        "json" => "application/json",
        "yaml" => "application/yaml",
        "cbor" => "application/cbor",
        "smile" => "application/smile",
        "vnd_json" => "application/vnd.elasticsearch+json",
        "vnd_yaml" => "application/vnd.elasticsearch+yaml",
        "vnd_cbor" => "application/vnd.elasticsearch+cbor",
        "vnd_smile" => "application/vnd.elasticsearch+smile",
        _ => return None,
    };
    recognise(essence)
}

impl Default for Media {
    fn default() -> Media {
        Media { response: Cow::Borrowed(JSON), body: Ok(BodyType::Json), compatible_with: None, names_type: false }
    }
}

/// Reads the media type headers of a request with a body or without one.
///
/// # Errors
/// When a header is malformed, asks for a version that is not there, or for two.
pub(crate) fn negotiate(
    headers: &Headers,
    has_body: bool,
    format: Option<&str>,
    profile: Profile,
) -> Result<Media, ApiError> {
    if format.is_none()
        && let Some(media) = usual(headers, has_body, profile)
    {
        return Ok(media);
    }
    negotiated(headers, has_body, format, profile)
}

/// Reads the media types of a request whose header lines are not among the usual ones.
fn negotiated(headers: &Headers, has_body: bool, format: Option<&str>, profile: Profile) -> Result<Media, ApiError> {
    let accept = parse(headers, "accept", "Accept")?;
    let content_type = parse(headers, "content-type", "Content-Type")?;
    let accept_known = accept.as_ref().and_then(|header| recognise(&header.essence));
    let type_known = content_type.as_ref().and_then(|header| recognise(&header.essence));
    check_versions(accept.as_ref(), content_type.as_ref(), has_body, profile)?;

    let chosen = format.and_then(recognise_format).or(accept_known).or(type_known).unwrap_or(known(JSON, false, None));
    if let Some(foreign) = chosen.foreign {
        return Err(ApiError::unsupported(
            &format!("answers in {foreign}"),
            "send `Accept: application/json` and no `format` parameter",
        ));
    }
    let parameters = accept.as_ref().map_or(&[][..], |header| &header.parameters);
    let response = if parameters.is_empty() {
        Cow::Borrowed(chosen.name)
    } else {
        let mut text = chosen.name.to_owned();
        for (name, value) in parameters {
            text.push(';');
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        }
        Cow::Owned(text)
    };
    let body = match (&content_type, type_known) {
        (_, Some(MediaFormat { foreign: None, .. })) => Ok(BodyType::Json),
        (_, Some(MediaFormat { foreign: Some(name), .. })) => Ok(BodyType::Foreign(name)),
        (_, None) => Err(headers.get("content-type").unwrap_or_default().to_owned()),
    };
    let compatible_with = accept.iter().chain(&content_type).find_map(version);
    let names_type = match format {
        Some(format) => recognise_format(format).is_some(),
        None => accept_known.is_some(),
    };
    Ok(Media { response, body, compatible_with, names_type })
}

/// The media of a request with one of the few spellings that nearly every client has: plain JSON, or
/// the versioned type of the official clients in both headers. They need no reading.
fn usual(headers: &Headers, has_body: bool, profile: Profile) -> Option<Media> {
    let (accept, content_type) = (headers.only("accept").ok()?, headers.only("content-type").ok()?);
    if has_body && content_type.is_none() {
        return None;
    }
    let is_plain = content_type.map_or(accept == Some(JSON), |it| it == JSON || it == NDJSON);
    if is_plain && matches!(accept, None | Some(JSON | "*/*")) {
        return Some(Media { names_type: accept == Some(JSON), ..Media::default() });
    }
    let spellings = profile.media_types();
    let is_usual = |header: &str| header == spellings[0] || header == spellings[1];
    let is_of_lines = |header: &str| {
        let version = header.strip_prefix(VERSIONED_NDJSON);
        version.is_some_and(|version| is_version(spellings[0], version) || is_version(spellings[1], version))
    };
    (is_usual(accept?) && content_type.is_none_or(|header| is_usual(header) || is_of_lines(header))).then(|| Media {
        response: Cow::Borrowed(spellings[0]),
        body: Ok(BodyType::Json),
        compatible_with: Some(profile.major()),
        names_type: true,
    })
}

/// Whether that is what follows the type in a header.
fn is_version(header: &str, version: &str) -> bool {
    header.strip_prefix(VERSIONED_JSON) == Some(version)
}

/// A header's type and parameters; none when it is absent, a list, or takes anything.
fn parse<'a>(headers: &'a Headers, name: &'static str, printed: &'static str) -> Result<Option<Parsed<'a>>, ApiError> {
    let mut values = headers.all(name);
    let Some(raw) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(ApiError::media_type_header(
            printed,
            format!("Incorrect header [{printed}]. Only one value should be provided"),
        ));
    }
    if raw.trim().is_empty() {
        return Err(ApiError::media_type_header(printed, format!("Header [{printed}] cannot be empty.")));
    }
    if raw.contains(',') || raw.trim() == "*/*" {
        return Ok(None);
    }
    let mut parts = raw.split(';');
    let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+.^_`|~-".contains(&byte))
    };
    if !essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype)) {
        return Err(ApiError::media_type_header(printed, format!("invalid media-type [{raw}]")));
    }
    let mut parameters = Vec::new();
    for part in parts {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        let named = part.split_once('=').filter(|(name, value)| !name.ends_with(' ') && !value.starts_with(' '));
        let Some((name, value)) = named else {
            return Err(ApiError::media_type_header(printed, format!("invalid parameters for header [{raw}]")));
        };
        parameters.push((name.to_ascii_lowercase(), value.to_ascii_lowercase()));
    }
    Ok(Some(Parsed { raw, essence, parameters }))
}

/// The version that a header asks for, if its type is one that has versions.
fn version(header: &Parsed<'_>) -> Option<u64> {
    recognise(&header.essence).filter(|known| known.versioned)?;
    header.parameters.iter().find(|(name, _)| name == "compatible-with").and_then(|(_, value)| value.parse().ok())
}

fn check_versions(
    accept: Option<&Parsed<'_>>,
    content_type: Option<&Parsed<'_>>,
    has_body: bool,
    profile: Profile,
) -> Result<(), ApiError> {
    let current = profile.major();
    let versions = (accept.and_then(version), content_type.and_then(version));
    let out_of_range = |version: Option<u64>| version.filter(|version| *version != current && *version + 1 != current);
    let raw = |header: Option<&Parsed<'_>>| header.map_or("null", |header| header.raw).to_owned();
    let both = || format!("Accept={}, Content-Type={}", raw(accept), raw(content_type));
    let must = |name: &str, found: u64, header: Option<&Parsed<'_>>| {
        ApiError::media_type_version(format!(
            "{name} version must be either version {current} or {}, but found {found}. {name}={}",
            current - 1,
            raw(header)
        ))
    };
    if let Some(found) = out_of_range(versions.0) {
        return Err(must("Accept", found, accept));
    }
    if !has_body {
        return Ok(());
    }
    if let Some(found) = out_of_range(versions.1) {
        return Err(must("Content-Type", found, content_type));
    }
    if versions.0.unwrap_or(current) != versions.1.unwrap_or(current) {
        return Err(ApiError::media_type_version(format!(
            "A compatible version is required on both Content-Type and Accept headers if either one has requested a \
             compatible version and the compatible versions must match. {}",
            both()
        )));
    }
    if versions.0.is_some() != versions.1.is_some() {
        return Err(ApiError::media_type_version(format!(
            "A compatible version is required on both Content-Type and Accept headers if either one has requested a \
             compatible version. {}",
            both()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_spellings_mean_what_reading_them_gives() {
        let mut spellings: Vec<Option<String>> = vec![None];
        spellings.extend(["text/plain", "*/*", JSON, NDJSON, "application/*"].map(|it| Some(it.to_owned())));
        for version in ["", ";compatible-with=8", "; compatible-with=8", ";compatible-with=9", "; compatible-with=9"] {
            spellings.extend([VERSIONED_JSON, VERSIONED_NDJSON].map(|kind| Some(format!("{kind}{version}"))));
        }
        let mut usual_ones = 0;
        for profile in Profile::ALL {
            for (accept, content_type) in spellings.iter().flat_map(|it| spellings.iter().map(move |other| (it, other)))
            {
                for has_body in [false, true] {
                    let mut headers = Headers::new();
                    accept.iter().for_each(|value| headers.push("accept", value));
                    content_type.iter().for_each(|value| headers.push("content-type", value));
                    let Some(mut usual) = usual(&headers, has_body, profile) else { continue };
                    usual_ones += 1;
                    let read = negotiated(&headers, has_body, None, profile);
                    if !has_body {
                        // Nobody asks what a body is that is not there.
                        usual.body = read.clone().map_or(usual.body, |media| media.body);
                    }
                    assert_eq!(Ok(usual), read, "{accept:?} {content_type:?} {has_body} {profile}");
                }
            }
        }
        assert!(usual_ones > 50, "{usual_ones}");
    }
}
