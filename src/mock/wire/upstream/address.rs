//! [`ServerAddress`]: where another server is, read from its URL.

use crate::error::Error;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    /// Whether it speaks TLS.
    pub(crate) is_secure: bool,
    /// The name or address, an IPv6 address in brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// What stands before every path, without a slash at its end.
    pub(crate) path: String,
}

impl ServerAddress {
    /// Reads `http://HOST:PORT` or `https://HOST:PORT`, with a path if there is one.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if it is none, or if credentials stand in it.
    pub(crate) fn parse(url: &str) -> Result<ServerAddress, Error> {
        let shown = match url.split_once("://").map(|(scheme, rest)| (scheme, rest.rsplit_once('@'))) {
            Some((scheme, Some((_, rest)))) => format!("{scheme}://…@{rest}"),
            _ => url.to_owned(),
        };
        let wrong = || {
            Error::invalid_input(format!(
                "`{shown}` is no address of a server: write http://HOST:PORT, for example http://127.0.0.1:9200"
            ))
        };
        let (is_secure, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(wrong()),
        };
        let (authority, path) =
            rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path.trim_end_matches('/')));
        let is_odd = |text: &str| !text.is_ascii() || text.contains(|c: char| c.is_whitespace() || c.is_control());
        if path.contains(['?', '#']) || is_odd(url) {
            return Err(wrong());
        }
        if authority.contains('@') {
            return Err(Error::invalid_input(format!(
                "`{shown}` has credentials in it, which would be told wherever the address is: give them apart, with \
                 --upstream-user NAME:PASSWORD, or --user for `verify`"
            )));
        }
        // The colons of an IPv6 address stand in brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (authority, if is_secure { 443 } else { 80 }),
        };
        if host.is_empty() || host.contains(|c: char| !c.is_ascii_alphanumeric() && !"-_.[]:".contains(c)) {
            return Err(wrong());
        }
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok(ServerAddress { is_secure, host: host.to_owned(), port, path })
    }

    /// The URL.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}:{}{}", self.host, self.port, self.path)
    }

    /// The host as a resolver takes it: an IPv6 address without its brackets.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_servers_are_understood() {
        for (url, is_secure, host, port, path) in [
            ("http://127.0.0.1:9200", false, "127.0.0.1", 9200, ""),
            ("http://mock", false, "mock", 80, ""),
            ("http://[::1]:9200/", false, "[::1]", 9200, ""),
            ("http://proxy:81/es/", false, "proxy", 81, "/es"),
            ("https://cluster.example:9243", true, "cluster.example", 9243, ""),
            ("https://cluster.example", true, "cluster.example", 443, ""),
        ] {
            let address = ServerAddress::parse(url).unwrap_or_else(|error| panic!("{error}"));
            let parts = (address.is_secure, address.host.as_str(), address.port, address.path.as_str());
            assert_eq!(parts, (is_secure, host, port, path), "{url}");
        }
        for url in
            ["", "127.0.0.1:9200", "ftp://h", "http://", "http://:9200", "http://h:port", "http://h/?a", "http://h x"]
        {
            assert!(ServerAddress::parse(url).is_err(), "{url}");
        }
        let told = ServerAddress::parse("http://elastic:geheim@h:1").expect_err("credentials").to_string();
        assert!(told.contains("--upstream-user") && !told.contains("geheim"), "{told}");
    }
}
