//! Lines that can be pasted into a shell.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::mock::server::MockServer;

/// A `curl` command. `flags` end with a blank if there are any; `body` is JSON.
pub(crate) fn command(flags: &str, method: &str, url: &str, body: Option<&str>) -> String {
    let method = match method {
        "GET" => String::new(),
        "HEAD" => "-I ".to_owned(),
        other => format!("-X {other} "),
    };
    let body =
        body.map_or_else(String::new, |body| format!(" -H 'content-type: application/json' -d {}", quoted(body)));
    format!("curl {flags}{method}{}{body}", quoted(url))
}

/// A text as one word of a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Where a client on this machine reaches a server.
pub(crate) fn reachable(server: &MockServer) -> String {
    let scheme = server.url().split("://").next().unwrap_or("http");
    reached(scheme, server.address())
}

fn reached(scheme: &str, address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        ip if ip.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
        _ => Ipv6Addr::LOCALHOST.into(),
    };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_what_was_meant() {
        assert_eq!(command("", "GET", "http://h/?a=b&c", None), "curl 'http://h/?a=b&c'");
        assert_eq!(command("", "HEAD", "http://h/", None), "curl -I 'http://h/'");
        assert_eq!(
            command("", "PUT", "http://h/x", Some(r#"{"error":"it's full"}"#)),
            r#"curl -X PUT 'http://h/x' -H 'content-type: application/json' -d '{"error":"it'\''s full"}'"#
        );
    }

    #[test]
    fn a_server_on_all_addresses_is_reached_at_the_loopback() {
        for (bound, reached) in [
            ("0.0.0.0:9200", "http://127.0.0.1:9200"),
            ("[::]:9200", "http://[::1]:9200"),
            ("10.0.0.7:9200", "http://10.0.0.7:9200"),
        ] {
            assert_eq!(super::reached("http", bound.parse().expect(bound)), reached);
        }
    }
}
