//! [`CallerGuard`]: keeps web pages away. A browser sends whatever a page wants to any address that it can
//! reach, so a page that a developer happens to look at could reset, read or fill the mock beside it.
//!
//! Three headers give a page away, and no page can change them: `Host` names what the browser believes
//! to talk to (a name that is rebound to 127.0.0.1 is still its own), `Origin` the page, and
//! `Sec-Fetch-Site` how far away that is. Programs send a `Host` that they were given, and neither of the
//! others.
//!
//! DIFFERENCE: Elasticsearch answers all of these.

use std::net::{IpAddr, SocketAddr};

use hyper::Version;
use hyper::http::uri::Authority;

use crate::error::Error;
use crate::http::Headers;
use crate::limits::FOREIGN_NAME_CHARS_MAX;

/// Whose calls a server takes.
#[derive(Debug)]
pub(crate) struct CallerGuard {
    /// Nobody but this machine can connect, so whoever calls it by another name was lured here.
    is_local: bool,
    /// Further names that are its own.
    names: Vec<String>,
}

impl CallerGuard {
    /// The guard of a server that is bound to `address` and is also known by `names`.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if one of them is no name.
    pub(crate) fn new(address: SocketAddr, names: &[String]) -> Result<CallerGuard, Error> {
        let is_local = address.ip().to_canonical().is_loopback();
        Ok(CallerGuard { is_local, names: names.iter().map(|name| host_name(name)).collect::<Result<_, _>>()? })
    }

    /// Further names that are its own.
    #[cfg(feature = "tls")]
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Why a request is not taken, if it is not. `is_admin` says whether it is for the mock itself.
    pub(crate) fn refusal(
        &self,
        version: Version,
        target: Option<&Authority>,
        headers: &Headers,
        is_admin: bool,
    ) -> Option<String> {
        // No browser speaks HTTP/1.0, and what old programs write there is anybody's guess.
        if self.is_local && version != Version::HTTP_10 {
            for host in headers.all("host").filter(|host| !is_usual(host.as_bytes())).map(host_of) {
                if !host.is_empty() && !is_single_label(&host) && !self.is_own(&host) {
                    return Some(foreign_host(&host));
                }
            }
        }
        if let Some(host) = target.map(|authority| host_of(authority.as_str()))
            && self.is_local
            && !is_single_label(&host)
            && !self.is_own(&host)
        {
            return Some(foreign_host(&host));
        }
        let is_of_page = headers.get("origin").is_some() || headers.get("sec-fetch-site").is_some();
        if is_of_page && (self.is_local || is_admin) { self.refusal_of_page(headers) } else { None }
    }

    fn refusal_of_page(&self, headers: &Headers) -> Option<String> {
        let mut is_named = self.names.iter().any(|name| name == "*");
        let mut is_near = false;
        for origin in headers.all("origin") {
            let host = host_of(origin.split_once("://").map_or("", |(_, rest)| rest));
            // An address cannot be rebound as a name can: a page that came from it is the mock's own.
            let is_same = || headers.get("host").is_some_and(|own| host_of(own) == host);
            if is_loopback(&host) || (!self.is_local && host.parse::<IpAddr>().is_ok() && is_same()) {
                is_near = true;
            } else if self.is_named(&host) {
                is_named = true;
            } else {
                return Some(foreign_page(origin, &host));
            }
        }
        let mut sites = headers.all("sec-fetch-site");
        let foreign = sites.find(|site| match site.trim().to_ascii_lowercase().as_str() {
            "" | "none" | "same-origin" => false,
            "same-site" => !is_near && !is_named,
            _ => !is_named,
        });
        foreign.map(foreign_site)
    }

    fn is_own(&self, host: &str) -> bool {
        is_loopback(host) || self.is_named(host)
    }

    fn is_named(&self, host: &str) -> bool {
        self.names.iter().any(|name| match name.strip_prefix('*') {
            Some("") => true,
            Some(domain) => host.ends_with(domain),
            None => name == host,
        })
    }
}

/// Whether it is one of the two names that nearly every client uses; a quick look without a copy.
fn is_usual(host: &[u8]) -> bool {
    let rest = host.strip_prefix(b"127.0.0.1").or_else(|| host.strip_prefix(b"localhost"));
    rest.is_some_and(is_port)
}

/// Whether that is what may stand behind a host: a colon and a number, or nothing.
fn is_port(rest: &[u8]) -> bool {
    rest.is_empty() || (rest[0] == b':' && rest[1..].iter().all(u8::is_ascii_digit))
}

/// A name that may be allowed: `elasticsearch`, `*.test` for all below `test`, `*` for all there are.
///
/// # Errors
/// [`Error::is_invalid_input`] if it is none.
pub(crate) fn host_name(text: &str) -> Result<String, Error> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
    let plain = name.strip_prefix("*.").unwrap_or(name);
    let is_name = !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if text.trim() == "*" || is_name || name.parse::<IpAddr>().is_ok() {
        return Ok(name.to_owned());
    }
    Err(Error::invalid_input(format!(
        "`{text}` is no name of a host: write it without scheme and port, for example elasticsearch, \
         host.docker.internal, or *.test for all below test"
    )))
}

/// The host of `HOST[:PORT]`, in lower case; without brackets if it is an IPv6 address.
fn host_of(authority: &str) -> String {
    let authority = authority.trim();
    let (host, rest) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some(parts) => parts,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let host = if is_port(rest.as_bytes()) { host } else { authority };
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a name or address is this machine's own in every network.
fn is_loopback(host: &str) -> bool {
    // No name ends in a number, so 127.1, which is short for 127.0.0.1, is an address.
    let is_number = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    host == "localhost"
        || host.ends_with(".localhost")
        || host.strip_prefix("127.").is_some_and(|rest| rest.bytes().all(is_number))
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether it is a name without a dot, as machines and containers beside this one have. Nobody can register
/// such a name, so none can be rebound; a page that has one is known by its `Origin` all the same.
fn is_single_label(host: &str) -> bool {
    !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        && !host.bytes().all(|byte| byte.is_ascii_digit())
}

fn foreign_host(host: &str) -> String {
    let host = shown(host);
    format!(
        "the call is for host [{host}], and this mock listens on a loopback address, where a web page may have \
         lured the browser; if [{host}] is a name of this mock, {}",
        allow(&host)
    )
}

fn foreign_page(origin: &str, host: &str) -> String {
    let cure = if host.is_empty() { "call it from a program".to_owned() } else { allow(&shown(host)) };
    format!("a web page of [{}] may not call this mock; if it is yours, {cure}", shown(origin))
}

fn foreign_site(site: &str) -> String {
    format!(
        "a web page of another site may not call this mock (Sec-Fetch-Site: {}); call it from a program, or type \
         the address into the browser by hand",
        shown(site)
    )
}

fn allow(host: &str) -> String {
    format!("start it with --allow-host {host}, or in Rust with .allow_host(\"{host}\")")
}

/// A host or an origin as it may be told: without user and password, which some write before it.
fn shown(text: &str) -> String {
    let (scheme, rest) = text.split_at(text.find("://").map_or(0, |at| at + 3));
    let rest = rest.rfind('@').map_or(rest, |at| &rest[at + 1..]);
    let chars = scheme.chars().chain(rest.chars()).take(FOREIGN_NAME_CHARS_MAX);
    chars.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(address: &str, names: &[&str]) -> CallerGuard {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        CallerGuard::new(address.parse().expect("an address"), &names).expect("names")
    }

    /// Whether a request with these headers, `name: value`, is taken.
    fn takes(guard: &CallerGuard, is_admin: bool, lines: &[&str]) -> bool {
        let mut headers = Headers::new();
        for line in lines {
            let (name, value) = line.split_once(": ").expect("a header");
            headers.push(name, value);
        }
        guard.refusal(Version::HTTP_11, None, &headers, is_admin).is_none()
    }

    #[test]
    fn a_loopback_mock_answers_to_loopback_names_alone() {
        let guard = guard("127.0.0.1:9200", &[]);
        for host in [
            "127.0.0.1:9200",
            "127.0.0.1",
            "127.1.2.3:1",
            "127.1:9200",
            "localhost:9200",
            "LocalHost.",
            "mock.localhost:80",
            "[::1]:9200",
            "[::ffff:127.0.0.1]",
            "elasticsearch:9200",
            "my_mock",
            "",
        ] {
            assert!(takes(&guard, true, &[&format!("host: {host}")]), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9200",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "127.0.0.1@evil.example",
            "127.0.0.1:9200@evil.example",
            "127.0.0.1:9200.evil.example",
            "[::1].evil.example",
            "192.168.1.7:9200",
            "2130706433",
            "0.0.0.0:9200",
            "[::2]:9200",
            "[::1",
        ] {
            for is_admin in [true, false] {
                assert!(!takes(&guard, is_admin, &[&format!("host: {host}")]), "{host}");
            }
        }
        assert!(!takes(&guard, false, &["host: localhost", "host: evil.example"]), "each of them counts");
        assert!(takes(&guard, true, &[]), "HTTP/1.0 needs none");
        let foreign = Headers::from_text("host:mock\n");
        assert_eq!(guard.refusal(Version::HTTP_10, None, &foreign, true), None);
        let absolute: Authority = "evil.example:80".parse().expect("an authority");
        assert!(guard.refusal(Version::HTTP_11, Some(&absolute), &Headers::new(), true).is_some());
    }

    #[test]
    fn pages_of_other_sites_are_not_answered() {
        let guard = guard("[::1]:9200", &[]);
        for (lines, expected) in [
            (&["origin: http://localhost:3000"][..], true),
            (&["origin: https://app.localhost"], true),
            (&["origin: http://[::1]:80"], true),
            (&["origin: http://evil.example"], false),
            (&["origin: https://localhost.evil.example"], false),
            (&["origin: http://127.0.0.1:9200.evil.example"], false),
            (&["origin: null"], false),
            (&["origin: "], false),
            (&["origin: chrome-extension://abcdef"], false),
            (&["origin: http://localhost", "origin: http://evil.example"], false),
            (&["sec-fetch-site: cross-site"], false),
            (&["sec-fetch-site: Cross-Site"], false),
            (&["sec-fetch-site: same-site"], false),
            (&["sec-fetch-site: somewhere"], false),
            (&["sec-fetch-site: none"], true),
            (&["sec-fetch-site: same-origin", "origin: http://localhost:9200"], true),
            (&["sec-fetch-site: same-site", "origin: http://localhost:3000"], true),
            (&["sec-fetch-site: same-site", "origin: http://evil.example"], false),
            (&["sec-fetch-site: cross-site", "origin: http://localhost:3000"], false),
        ] {
            for is_admin in [true, false] {
                assert_eq!(
                    takes(&guard, is_admin, &[&["host: localhost:9200"], lines].concat()),
                    expected,
                    "{lines:?}"
                );
            }
        }
    }

    #[test]
    fn a_refusal_tells_no_password() {
        let guard = guard("127.0.0.1:9200", &[]);
        for (name, value, expected) in [
            ("host", "u:hunter2@evil.example", "host [evil.example]"),
            ("host", "u:hunter2@127.0.0.1:9200", "host [127.0.0.1:9200]"),
            ("origin", "http://u:hunter2@127.0.0.1", "page of [http://127.0.0.1]"),
            ("origin", "http://u:hunter2@a@evil.example:1", "page of [http://evil.example:1]"),
        ] {
            let headers = Headers::from_text(&format!("{name}:{value}\n"));
            let refusal = guard.refusal(Version::HTTP_11, None, &headers, true).expect("a refusal");
            assert!(refusal.contains(expected) && !refusal.contains("hunter2"), "{refusal}");
        }
    }

    #[test]
    fn on_other_addresses_only_the_mock_itself_is_guarded_and_only_against_pages() {
        let guard = guard("0.0.0.0:9200", &[]);
        for (lines, expected) in [
            (&["host: elasticsearch:9200"][..], true),
            (&["host: 10.0.0.1:9200", "origin: http://10.0.0.1:9200"], true),
            (&["host: elasticsearch:9200", "origin: http://localhost:5601"], true),
            (&["host: elasticsearch:9200", "origin: http://evil.example"], false),
            // A name that is rebound is both.
            (&["host: evil.example:9200", "origin: http://evil.example:9200"], false),
            (&["host: elasticsearch:9200", "sec-fetch-site: cross-site"], false),
        ] {
            assert_eq!(takes(&guard, true, lines), expected, "{lines:?}");
            assert!(takes(&guard, false, lines), "Elasticsearch answers {lines:?}");
        }
    }

    #[test]
    fn further_names_may_be_allowed() {
        let guard = guard("127.0.0.1:0", &["elasticsearch", "Host.Docker.Internal", "*.test", "10.0.0.7", "[fe80::1]"]);
        for (lines, expected) in [
            (&["host: elasticsearch:9200"][..], true),
            (&["host: ELASTICSEARCH"], true),
            (&["host: host.docker.internal"], true),
            (&["host: es.ci.test"], true),
            (&["host: 10.0.0.7:9200"], true),
            (&["host: [fe80::1]:9200"], true),
            (&["host: elasticsearch.evil.example"], false),
            (&["host: a.eviltest"], false),
            (&["host: es.test.example"], false),
            (&["host: localhost", "origin: http://elasticsearch:5601", "sec-fetch-site: cross-site"], true),
            (&["host: elasticsearch", "origin: http://evil.example"], false),
        ] {
            assert_eq!(takes(&guard, true, lines), expected, "{lines:?}");
        }
        let open = super::tests::guard("127.0.0.1:0", &["*"]);
        assert!(takes(&open, true, &["host: a.example", "origin: http://b.example", "sec-fetch-site: cross-site"]));
        for wrong in ["", "http://mock", "mock:9200", "a b", "*.", "a*"] {
            let names = [wrong.to_owned()];
            let refused = CallerGuard::new(([127, 0, 0, 1], 0).into(), &names);
            assert!(refused.is_err_and(|error| error.is_invalid_input()), "{wrong}");
        }
    }
}
