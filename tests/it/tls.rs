//! TLS in front of a server: whom its clients trust, whom it trusts, and what is not said through it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use elastimock::stub::FaultKind;
use elastimock::tls::Tls;
use elastimock::{Clock, MockServer, Stub};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::{T0, instant};

/// A client's certificate and its key, as PEM.
type Shown<'s> = Option<(&'s str, &'s str)>;

/// A client that trusts an authority.
fn trusting(ca_pem: &str, shown: Shown<'_>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).expect("a certificate")).expect("an authority");
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions").with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")];
            builder
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key"))
                .expect("a pair")
        }
    };
    Arc::new(config)
}

type Connection = StreamOwned<ClientConnection, TcpStream>;

fn plain(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the port is open");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    stream
}

fn connect(address: SocketAddr, host: &str, config: &Arc<ClientConfig>) -> Connection {
    let name = ServerName::try_from(host.to_owned()).expect("a host");
    StreamOwned::new(ClientConnection::new(config.clone(), name).expect("a configuration"), plain(address))
}

const INFO: &str = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// All that is answered, or why nothing is.
fn exchange(mut stream: impl Read + Write, request: &str) -> std::io::Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8(answer).expect("UTF-8"))
}

fn told(server: &MockServer) -> String {
    let began = Instant::now();
    loop {
        // A client may hear of its failure before the server has told it.
        let troubles = server.troubles();
        if !troubles.is_empty() {
            return troubles.join("\n");
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no trouble is told");
        std::thread::yield_now();
    }
}

fn started(tls: Tls) -> MockServer {
    let builder = MockServer::builder().seed(7).clock(Clock::frozen(instant(T0)));
    builder.tls(tls).start_blocking().unwrap_or_else(|error| panic!("{error}"))
}

fn ca(server: &MockServer) -> &str {
    server.tls().expect("it speaks TLS").ca_pem()
}

/// An authority of somebody else, and a certificate that it has signed with its key.
fn foreign() -> (String, String, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let ca = params.self_signed(&key).expect("a certificate").pem();
    let issuer = Issuer::new(params, key);
    let own_key = KeyPair::generate().expect("a key");
    let own = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
    (ca, own.signed_by(&own_key, &issuer).expect("a certificate").pem(), own_key.serialize_pem())
}

#[test]
fn a_client_that_trusts_the_authority_has_the_same_answer() {
    let in_the_clear =
        MockServer::builder().seed(7).clock(Clock::frozen(instant(T0))).start_blocking().expect("a server");
    assert!(in_the_clear.tls().is_none());
    let expected = exchange(plain(in_the_clear.address()), INFO).expect("an answer");
    let server = started(Tls::self_signed());
    assert_eq!(server.url(), format!("https://{}", server.address()));
    let config = trusting(ca(&server), None);
    for host in ["localhost", "127.0.0.1", "::1"] {
        let answer = exchange(connect(server.address(), host, &config), INFO);
        assert_eq!(answer.unwrap_or_else(|error| panic!("{host}: {error}")), expected, "{host}");
    }
    assert_eq!(server.troubles(), [""; 0]);
    // What was said is what is said in the clear.
    let text = |server: &MockServer| server.recording().to_text();
    assert_eq!(text(&server).matches("GET").count(), 3);
    assert_eq!(text(&server).lines().nth(1), text(&in_the_clear).lines().nth(1));
}

#[test]
fn names_that_are_allowed_stand_in_the_certificate() {
    let server = MockServer::builder().allow_host("elasticsearch").allow_host("*.ci.test").allow_host("*");
    let server = server.tls(Tls::self_signed()).start_blocking().expect("a server");
    let config = trusting(ca(&server), None);
    for (host, is_known) in [("elasticsearch", true), ("es.ci.test", true), ("other", false), ("127.0.0.2", false)] {
        let answer = exchange(connect(server.address(), host, &config), INFO);
        assert_eq!(answer.is_ok(), is_known, "{host}: {answer:?}");
    }
}

#[test]
fn all_servers_of_a_process_have_one_authority() {
    let (first, second) = (started(Tls::self_signed()), started(Tls::self_signed()));
    assert_eq!(ca(&first), ca(&second));
    let config = trusting(ca(&first), None);
    exchange(connect(second.address(), "localhost", &config), INFO).expect("an answer");
    let tls = first.tls().expect("it speaks TLS");
    assert_eq!(tls.ca_fingerprint().replace(':', "").to_lowercase(), tls.ca_fingerprint_hex());
    assert_eq!(tls.ca_fingerprint_hex().len(), 64);
}

#[test]
fn a_client_that_does_not_trust_the_authority_goes_and_the_server_tells_why() {
    let server = started(Tls::self_signed());
    let (other, _, _) = foreign();
    let refused = exchange(connect(server.address(), "localhost", &trusting(&other, None)), INFO);
    assert!(refused.expect_err("another authority").to_string().contains("UnknownIssuer"));
    let told = told(&server);
    assert!(told.starts_with("1 connection was closed: a client does not trust the server's certificate"), "{told}");
    assert!(server.journal().is_empty());
    exchange(connect(server.address(), "localhost", &trusting(ca(&server), None)), INFO).expect("others are answered");
}

#[test]
fn a_server_may_want_a_certificate_of_its_clients() {
    let (other_ca, certificate, key) = foreign();
    let folder = tempfile::tempdir().expect("a folder");
    let other_file = folder.path().join("ca.pem");
    std::fs::write(&other_file, &other_ca).expect("a file");
    let own = started(Tls::self_signed().require_clients());
    let others = started(Tls::self_signed().client_ca(&other_file));
    let client = own.tls().expect("it speaks TLS").client("worker-1").expect("a certificate");
    let shown = Some((client.certificate_pem(), client.key_pem()));
    assert!(!format!("{client:?}").contains("BEGIN"));
    for (server, shown, is_taken) in [
        (&own, shown, true),
        (&own, None, false),
        (&own, Some((&*certificate, &*key)), false),
        (&others, Some((&*certificate, &*key)), true),
        (&others, shown, true),
        (&others, None, false),
    ] {
        let answer = exchange(connect(server.address(), "localhost", &trusting(ca(server), shown)), INFO);
        assert_eq!(answer.is_ok(), is_taken, "{answer:?}");
    }
    let told = told(&own);
    assert!(told.contains("2 connections were closed") && told.contains("--tls-client-ca"), "{told}");
}

/// Source: Elasticsearch 9.x closes the channel.
#[test]
fn plain_http_on_a_port_of_tls_is_closed_without_an_answer() {
    let server = started(Tls::self_signed());
    for request in [INFO, "x", "\r\n\r\n"] {
        assert_eq!(exchange(plain(server.address()), request).expect("an end, no reset"), "", "{request}");
    }
    let told = told(&server);
    assert!(told.contains("speaks plain HTTP and this port TLS") && told.contains("https://"), "{told}");
    assert!(server.journal().is_empty());
}

/// Source: run against Elasticsearch, which reads a request without a version.
#[test]
fn tls_on_a_port_of_plain_http_is_refused_as_a_request_without_a_line() {
    let server = MockServer::start_blocking().expect("a server");
    let mut stream = plain(server.address());
    // The beginning of a client's first message is enough.
    stream.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).expect("the port is open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer and an end");
    let body = concat!(
        r#"{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"text is empty (possibly HTTP/0.9)"}],"#,
        r#""type":"illegal_argument_exception","reason":"text is empty (possibly HTTP/0.9)"},"status":400}"#
    );
    let head = "HTTP/1.0 400 Bad Request\r\nx-elastic-product: Elasticsearch\r\ncontent-type: application/json\r\n";
    assert_eq!(answer, format!("{head}content-length: {}\r\n\r\n{body}", body.len()));
    let told = told(&server);
    assert!(told.contains("a client speaks TLS and this port plain HTTP"), "{told}");
    assert!(server.journal().is_empty());
    exchange(plain(server.address()), INFO).expect("others are answered");
}

/// Answers that something goes wrong with go wrong through TLS too.
#[test]
fn faults_are_the_same_through_tls() {
    let server = started(Tls::self_signed());
    let config = trusting(ca(&server), None);
    let call = |stub: Stub| {
        server.clear_stubs();
        server.stub(stub);
        exchange(connect(server.address(), "localhost", &config), INFO)
    };
    let cut = |answer: std::io::Result<String>| answer.expect_err("no end of TLS").kind();
    assert_eq!(cut(call(Stub::on("info").fault(FaultKind::Reset))), ErrorKind::ConnectionReset);
    assert_eq!(cut(call(Stub::on("info").fault(FaultKind::Close))), ErrorKind::UnexpectedEof);
    server.clear_stubs();
    server.stub(Stub::on("info").fault(FaultKind::Cut).after_bytes(5));
    let mut connection = connect(server.address(), "localhost", &config);
    connection.write_all(INFO.as_bytes()).expect("it is taken");
    let (mut answer, mut bytes) = (Vec::new(), [0; 512]);
    let end = loop {
        match connection.read(&mut bytes) {
            Ok(0) => panic!("a cut is no end"),
            Ok(read) => answer.extend_from_slice(&bytes[..read]),
            Err(error) => break error.kind(),
        }
    };
    assert_eq!(end, ErrorKind::UnexpectedEof);
    assert!(answer.ends_with(b"\r\n\r\n{\n  \""), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn dropping_a_server_cuts_what_is_under_way() {
    let server = started(Tls::self_signed());
    let address = server.address();
    // One that has said nothing, one in the middle of its handshake, and one after it.
    let silent = plain(address);
    let mut shaking = plain(address);
    shaking.write_all(&[22, 3, 1, 2, 0, 1]).expect("the port is open");
    let mut open = connect(address, "localhost", &trusting(ca(&server), None));
    open.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("it is taken");
    assert!(open.read(&mut [0; 64]).expect("an answer") > 0);
    drop(server);
    assert!(TcpStream::connect(address).is_err(), "the port is closed");
    for mut stream in [silent, shaking] {
        assert!(!matches!(stream.read(&mut [0; 64]), Ok(1..)), "nothing is said any more");
    }
    while matches!(open.read(&mut [0; 64]), Ok(1..)) {}
}

#[test]
fn stopping_a_server_does_not_wait_for_handshakes() {
    let server = started(Tls::self_signed());
    let _silent = plain(server.address());
    let began = Instant::now();
    server.stop_blocking().expect("it stops");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

/// A first message in pieces of one byte, each with a head of its own.
#[test]
fn a_handshake_has_a_size() {
    let server = started(Tls::self_signed());
    let mut stream = plain(server.address());
    let message = [1, 0, 0xea, 0x60].into_iter().chain(std::iter::repeat_n(0, 60_000));
    let records: Vec<u8> = message.flat_map(|byte| [22, 3, 1, 0, 1, byte]).collect();
    // Whether all of it can be written is the system's business; it is not all read.
    let _ = stream.write_all(&records);
    let _ = stream.read_to_end(&mut Vec::new());
    let told = told(&server);
    assert!(told.contains("a TLS handshake failed"), "{told}");
    exchange(connect(server.address(), "localhost", &trusting(ca(&server), None)), INFO).expect("others are answered");
}

#[test]
fn a_certificate_of_ones_own_is_shown() {
    let (ca_pem, certificate, key) = foreign();
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let certificate = file("cert.pem", &format!("{certificate}{ca_pem}"));
    let key = file("key.pem", &key);
    let server = started(Tls::files(&certificate, &key));
    // The last certificate of the file is the authority's.
    let lines = |pem: &str| pem.split_whitespace().collect::<String>();
    assert_eq!(lines(ca(&server)), lines(&ca_pem));
    assert!(!server.tls().expect("it speaks TLS").is_self_signed());
    exchange(connect(server.address(), "localhost", &trusting(ca(&server), None)), INFO).expect("an answer");

    let refused = |certificate: &Path, key: &Path| {
        let started = MockServer::builder().tls(Tls::files(certificate, key)).start_blocking();
        started.expect_err("it is wrong")
    };
    let missing = folder.path().join("missing.pem");
    assert!(refused(&missing, &key).is_surroundings());
    let empty = file("empty.pem", "");
    let other_key = file("other.pem", &KeyPair::generate().expect("a key").serialize_pem());
    let locked =
        file("locked.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAo=\n-----END ENCRYPTED PRIVATE KEY-----\n");
    for (certificate, key, word) in [
        (&empty, &key, "no certificate stands there"),
        (&certificate, &empty, "no key stands there"),
        (&certificate, &locked, "has a password"),
        (&certificate, &other_key, "cannot speak TLS with"),
    ] {
        let error = refused(certificate, key);
        assert!(error.is_invalid_input() && error.to_string().contains(word), "{error}");
    }
}

#[test]
fn the_flag_says_which() {
    for text in ["self-signed", "cert.pem,key.pem"] {
        assert!(text.parse::<Tls>().is_ok(), "{text}");
    }
    for text in ["", "self-sign", "cert.pem", ",", "a,", ",b", "a,b,c"] {
        assert!(text.parse::<Tls>().expect_err(text).to_string().contains("CERT,KEY"), "{text}");
    }
}

/// The binary.
#[cfg(all(feature = "cli", unix))]
mod command_line {
    use super::*;
    use crate::cli::{Server, elastimock, finish, folder, json, run_in};

    fn serve(folder: &Path, flags: &[&str]) -> Server {
        let words = [&["serve", "--listen", "127.0.0.1:0", "--seed", "7", "--tls", "self-signed"], flags].concat();
        Server::spawn(elastimock(&words).current_dir(folder).env("TMPDIR", folder))
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_authority_is_written_and_its_key_is_not() {
        let folder = folder();
        let server = serve(folder.path(), &["--tls-ca-out", "ca.pem", "--record", "story.ndjson"]);
        assert_eq!(server.ready, format!("elastimock listening on https://{}", server.address));
        let ca = std::fs::read_to_string(folder.path().join("ca.pem")).expect("it is there before the ready line");
        exchange(connect(server.address, "localhost", &trusting(&ca, None)), INFO).expect("an answer");
        let introduction = server.stderr_until("curl ");
        assert!(introduction.contains("curl --cacert 'ca.pem' -X PUT 'https://127.0.0.1:"), "{introduction}");
        drop(server);
        assert_eq!(names(folder.path()), ["ca.pem", "story.ndjson"]);
        for name in names(folder.path()) {
            let text = std::fs::read_to_string(folder.path().join(&name)).expect("text");
            assert!(!text.contains("PRIVATE"), "{name}");
        }
    }

    #[test]
    fn the_ready_line_has_the_authority() {
        let folder = folder();
        let server = serve(folder.path(), &["--json"]);
        let ready = json(&server.ready);
        let ca = ready["ca"].as_str().expect("the authority");
        assert_eq!(ready["ca_fingerprint"].as_str().map(str::len), Some(64));
        exchange(connect(server.address, "127.0.0.1", &trusting(ca, None)), INFO).expect("an answer");
    }

    #[test]
    fn a_client_certificate_is_written_when_it_is_asked_for() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder();
        let flags = ["--tls-ca-out", "ca.pem", "--tls-client-out", "client.pem,client.key", "--port-file", "port"];
        let server = serve(folder.path(), &flags);
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect(name);
        let (ca, certificate, key) = (read("ca.pem"), read("client.pem"), read("client.key"));
        let mode = std::fs::metadata(folder.path().join("client.key")).expect("the key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        exchange(connect(server.address, "localhost", &trusting(&ca, Some((&certificate, &key)))), INFO)
            .expect("an answer");
        exchange(connect(server.address, "localhost", &trusting(&ca, None)), INFO).expect_err("no certificate");
        let wait = |flags: &[&str]| {
            run_in(folder.path(), &[&["wait", "--port-file", "port", "--timeout", "100ms"], flags].concat())
        };
        assert_eq!(wait(&["--client-cert", "client.pem,client.key"]).code, Some(0));
        let told = wait(&[]);
        assert_eq!(told.code, Some(3), "{}", told.stderr);
    }

    #[test]
    fn a_command_is_told_whom_to_trust() {
        let folder = folder();
        let script = r#"test -f "$ELASTICSEARCH_CA" && test "$ELASTIMOCK_CA" = "$ELASTICSEARCH_CA" \
            && test "${ELASTIMOCK_TLS-none}" = none && echo "$ELASTICSEARCH_URL $ELASTICSEARCH_CA_FINGERPRINT" \
            && exec "$ELASTIMOCK" wait --url "$ELASTICSEARCH_URL""#;
        let mut command = elastimock(&["run", "--tls", "self-signed", "--", "sh", "-c", script]);
        command.env("ELASTIMOCK", env!("CARGO_BIN_EXE_elastimock")).env("TMPDIR", folder.path());
        let told = finish(&mut command);
        assert_eq!(told.code, Some(0), "{}", told.stderr);
        let (url, fingerprint) = told.stdout.lines().next().and_then(|line| line.split_once(' ')).expect("both");
        assert!(url.starts_with("https://127.0.0.1:") && fingerprint.len() == 64, "{url} {fingerprint}");
        assert!(!told.stderr.contains("no effect"), "{}", told.stderr);
        assert_eq!(names(folder.path()), [""; 0], "nothing is left");
        // The file that the user has named is the one that is told, from whatever folder.
        let words = [
            "run",
            "--tls",
            "self-signed",
            "--tls-ca-out",
            "ca.pem",
            "--",
            "sh",
            "-c",
            "cd / && cat $ELASTICSEARCH_CA",
        ];
        let told = run_in(folder.path(), &words);
        assert!(told.stdout.starts_with("-----BEGIN CERTIFICATE-----"), "{} {}", told.stdout, told.stderr);
    }

    #[test]
    fn commands_that_call_a_server_are_told_whom_to_trust() {
        let folder = folder();
        let server = serve(folder.path(), &["--json", "--tls-ca-out", "ca.pem", "--port-file", "port"]);
        let url = format!("https://{}", server.address);
        let (other, _, _) = foreign();
        std::fs::write(folder.path().join("other.pem"), other).expect("a file");
        let mut story = elastimock(&["serve", "--listen", "127.0.0.1:0", "--record", "story.ndjson", "--seed", "7"]);
        let recorded = Server::spawn(story.current_dir(folder.path()));
        assert_eq!(recorded.send("GET", "/_connector", "").status, 200);
        drop(recorded);
        let fingerprint = json(&server.ready)["ca_fingerprint"].as_str().expect("a fingerprint").to_owned();
        for (flags, code, word) in [
            (&["--ca", "ca.pem"][..], 0, "1 of 1 call answered alike"),
            (&["--ca-fingerprint", &fingerprint], 0, "1 of 1 call answered alike"),
            (&["--ca", "ca.pem", "--ca-fingerprint", &fingerprint], 0, "1 of 1 call answered alike"),
            (&["--ca", "other.pem"], 3, "UnknownIssuer"),
            (&[], 3, ""),
            (&["--ca-fingerprint", &"ab".repeat(32)], 3, "no certificate of that fingerprint"),
            (&["--ca", "other.pem", "--ca-fingerprint", &fingerprint], 2, "none of the certificates"),
            (&["--ca", "missing.pem"], 3, "missing.pem"),
            (&["--ca", "story.ndjson"], 2, "no certificate stands there"),
            (&["--ca-fingerprint", "abc"], 2, "64 hexadecimal digits"),
        ] {
            let told = run_in(folder.path(), &[&["verify", "story.ndjson", "--against", &url], flags].concat());
            assert_eq!(told.code, Some(code), "{flags:?}: {}", told.stderr);
            assert!(told.stderr.contains(word), "{flags:?}: {}", told.stderr);
        }
        // Whoever waits has nothing to hide, unless it is told whom to trust.
        for (flags, code) in
            [(&["--port-file", "port"][..], 0), (&["--url", &url], 0), (&["--url", &url, "--ca", "other.pem"], 3)]
        {
            let told = run_in(folder.path(), &[&["wait", "--timeout", "200ms"], flags].concat());
            assert_eq!(told.code, Some(code), "{flags:?}: {}", told.stderr);
        }
        let told = run_in(folder.path(), &["wait", "--port-file", "port"]);
        assert_eq!(told.stdout, format!("{url}\n"));
    }

    #[test]
    fn flags_that_mean_nothing_are_refused() {
        let folder = folder();
        for (words, word) in [
            (&["serve", "--tls-ca-out", "ca.pem"][..], "--tls"),
            (&["serve", "--tls", "yes"], "self-signed"),
            (&["serve", "--tls", "self-signed", "--tls-client-out", "a"], "CERT,KEY"),
        ] {
            let told = run_in(folder.path(), words);
            assert_eq!(told.code, Some(2), "{words:?}");
            assert!(told.stderr.contains(word), "{}", told.stderr);
        }
        let told = run_in(
            folder.path(),
            &["serve", "--listen", "127.0.0.1:0", "--tls", "self-signed", "--tls-ca-out", "no/ca.pem"],
        );
        assert_eq!(told.code, Some(3), "{}", told.stderr);
        let told = run_in(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--tls", "no.pem,no.key"]);
        assert_eq!(told.code, Some(3), "{}", told.stderr);
    }
}
