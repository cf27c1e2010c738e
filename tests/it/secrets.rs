//! What is secret goes to its client and nowhere else: not into the journal, nor a recording, nor a finding.

use std::cell::RefCell;
use std::collections::BTreeSet;

use elastimock::contract::Strictness;
use elastimock::http::{Headers, Method, Request};
use elastimock::recording::{Interaction, Recording};
use elastimock::report::{Report, ReportFormat};
use elastimock::{Clock, Fixture, MockServer};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::support::{Client, Door, EngineDoor, T0, cluster, instant};

#[test]
fn secrets_and_sensitive_settings_never_reach_the_journal() {
    let mut door = EngineDoor::new(cluster("connectors"), T0);
    let mut send = |method: &str, target: &str, body: Option<serde_json::Value>| {
        let request = Request::new(Method::new(method), target);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").with_body(body.to_string()),
            None => request,
        };
        door.send(&request)
    };
    let id = send("POST", "/_connector/_secret", Some(json!({ "value": "hush-posted" }))).json()["id"].clone();
    let id = id.as_str().expect("an id").to_owned();
    assert_eq!(send("GET", &format!("/_connector/_secret/{id}"), None).json()["value"], "hush-posted");
    assert_eq!(send("PUT", "/_connector/_secret/db", Some(json!({ "value": "hush-put" }))).status, 201);
    // A misspelt call is refused, and what it says is no less secret.
    assert_eq!(send("PUT", "/_connector/_secret/db", Some(json!({ "value": "hush-put", "x": 1 }))).status, 400);
    let fields = json!({ "configuration": { "pin": { "label": "PIN", "sensitive": true, "value": "hush-1" } } });
    assert_eq!(send("PUT", "/_connector/A/_configuration", Some(fields)).status, 200);
    assert_eq!(send("PUT", "/_connector/A/_configuration", Some(json!({ "values": { "pin": "hush-2" } }))).status, 200);
    let seen = send("GET", "/_connector/A", None).json();
    assert_eq!(seen["configuration"]["pin"]["value"], "hush-2");
    let list = send("GET", "/_connector", None);
    assert!(list.text().contains("hush-2"));

    let recording = door.engine.recording().to_text();
    assert!(!recording.contains("hush"), "{recording}");
    assert!(recording.contains(r#""values":{"pin":"<redacted>"}"#), "{recording}");
    assert!(!format!("{:?}", door.engine.findings(true)).contains("hush"));
}

#[test]
fn answers_that_quote_a_body_which_is_no_json_are_kept_without_the_quotation() {
    let mut door = EngineDoor::new(cluster("connectors"), T0);
    let mut send = |method: &str, target: &str, body: &str| {
        let request = Request::new(Method::new(method), target);
        door.send(&request.header("content-type", "application/json").with_body(body.to_owned()))
    };
    let secret = "/_connector/_secret/db";
    for body in [
        r#"{"value":"hush","value":"hush"}"#,
        r#"{"value":"hush"#,
        r#"{"value":hush}"#,
        r#"{"value":["hush"]}"#,
        r#"{"valu":"hush"}"#,
        r#""hush""#,
        r#"["hush"]"#,
        "hush",
    ] {
        assert_eq!(send("PUT", secret, body).status, 400, "{body}");
    }
    // The client itself hears all that Elasticsearch says.
    assert!(send("PUT", secret, r#"{"value":"hush","value":1}"#).text().contains("hush"));
    let fields = r#"{"configuration":{"pin":{"label":"PIN","sensitive":true,"value":"hush"}}}"#;
    let configuration = "/_connector/A/_configuration";
    assert_eq!(send("PUT", configuration, fields).status, 200);
    assert_eq!(send("PUT", configuration, r#"{"values":{"pin":"hush","pin":"hush"}}"#).status, 400);
    // What hides nothing is quoted.
    assert_eq!(send("PUT", "/_connector/A/_name", r#"{"name":"seen","name":"twice"}"#).status, 400);

    let recording = door.engine.recording().to_text();
    assert!(!recording.contains("hush"), "{recording}");
    assert!(recording.contains("seen") && recording.contains("Duplicate field 'name'"), "{recording}");
    assert!(!format!("{:?}", door.engine.findings(true)).contains("hush"));
}

// ── doors ─────────────────────────────────────────────────────────────────────────────────────────

/// What there is at the start: a connector with settings that are marked, named like secrets, and plain.
fn start() -> Fixture {
    let state = json!({
        "connectors": [
            { "id": "crm", "index_name": "search-crm", "service_type": "postgresql", "status": "connected", "configuration": {
                "host": { "label": "Host", "value": "db.local" },
                "pin": { "label": "PIN", "sensitive": true, "value": "fixture-Pin4711", "default_value": "fixture-Old4711" },
                "dsn": { "label": "DSN", "sensitive": true, "value": "postgres://me:fixture-Dsn4711@db.local" },
                "password": { "label": "Password", "value": "fixture-Pass4711" },
            } },
            { "id": "wiki", "index_name": "search-wiki", "service_type": "confluence", "status": "connected" },
        ],
        "sync_jobs": [
            { "id": "pending", "connector_id": "crm" },
            { "id": "running", "connector_id": "crm", "status": "in_progress", "worker_hostname": "w-1", "started_at": "now-1m" },
        ],
        "secrets": [ { "id": "vault", "value": "fixture-Vault4711" } ],
        "indices": { "plain": { "documents": [ { "_id": "1", "_source": { "text": "hello" } } ] } },
    });
    Fixture::from_json(&state.to_string()).unwrap_or_else(|error| panic!("{error}"))
}

fn serve(builder: elastimock::MockServerBuilder) -> (MockServer, Client) {
    let server =
        builder.seed(7).clock(Clock::frozen(instant(T0))).start_blocking().unwrap_or_else(|error| panic!("{error}"));
    let client = Client::connect(server.address());
    (server, client)
}

/// A call as a line tells it: method, target, and the body if there is one. It is JSON unless a header says otherwise.
fn call(line: &str) -> Request {
    let mut parts = line.splitn(3, ' ');
    let mut next = || parts.next().unwrap_or_default();
    let request = Request::new(Method::new(next()), next());
    match next() {
        "" => request,
        body => request.json(body.to_owned()),
    }
}

/// Everything that a mock keeps and tells, by name. Answers to the client itself are Elasticsearch's.
fn outputs(server: &MockServer, client: &mut Client) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for (name, accept) in [
        ("journal", "application/json"),
        ("journal", "application/x-ndjson"),
        ("findings", "application/json"),
        ("coverage", "application/json"),
        ("health", "application/json"),
    ] {
        let limit = if name == "journal" { "?limit=100000" } else { "" };
        let request = Request::new(Method::Get, format!("/_elastimock/{name}{limit}"));
        let answer = client.send(&request.header("accept", accept));
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        told.push((format!("admin {name} {accept}"), answer.text()));
    }
    // The body of a call is shown as bytes by `Debug`.
    let journal: Vec<String> = server.journal().iter().map(|call| format!("{call:?}\n{}", readable(call))).collect();
    told.push(("journal in Rust".into(), journal.join("\n")));
    let recording = server.recording();
    told.push(("recording, header".into(), recording.header.state.to_string()));
    told.push(("recording".into(), recording.to_text()));
    told.push(("transcript".into(), server.transcript().to_value().to_string()));
    let findings = server.findings();
    told.push(("findings".into(), findings.iter().map(|finding| format!("{finding}\n{finding:?}\n")).collect()));
    told.push(("coverage".into(), format!("{:?}", server.coverage())));
    let text = recording.to_text();
    let offline = Report::of_recordings(&[("a.ndjson", text.as_bytes())], Strictness::default());
    for (door, report) in [("live", server.report()), ("offline", offline.unwrap_or_else(|error| panic!("{error}")))] {
        for format in ReportFormat::ALL {
            told.push((format!("report {door} {}", format.name()), report.write(format)));
        }
    }
    told
}

fn readable(call: &Interaction) -> String {
    format!("{} {}", String::from_utf8_lossy(call.request.body()), call.response.text())
}

fn leaks(outputs: &[(String, String)], secret: &str) -> Vec<String> {
    let leak = |(name, text): &(String, String)| {
        let at = text.find(secret)?;
        let around = &text.as_bytes()[at.saturating_sub(200)..text.len().min(at + 100)];
        Some(format!("{secret} in {name}: …{}…", String::from_utf8_lossy(around)))
    };
    outputs.iter().filter_map(leak).collect()
}

/// Doors through which a secret once got out: what is said, with `S3cr3t-9zx` as the secret, and whether it stands
/// in the open where it then is a finding.
const DOORS: &[(&str, &[&str], bool)] = &[
    (
        "a mark that is no boolean",
        &[
            r#"PUT /_connector/crm/_configuration {"configuration":{"host":{"label":"H","sensitive":"true","value":"S3cr3t-9zx"}}}"#,
            "GET /_connector/S3cr3t-9zx",
        ],
        true,
    ),
    (
        "a value for a setting that the state knows",
        &[r#"PUT /_connector/crm/_configuration {"values":{"pin":"S3cr3t-9zx"}}"#, "GET /_connector/x?from=S3cr3t-9zx"],
        true,
    ),
    (
        "a value within a value",
        &[r#"PUT /_connector/crm/_configuration {"values":{"password":{"nested":["S3cr3t-9zx"]}}}"#],
        false,
    ),
    (
        "answers without the mark",
        &[
            r#"PUT /_connector/crm/_configuration {"values":{"pin":"S3cr3t-9zx"}}"#,
            "GET /_connector/crm?filter_path=configuration.*.value",
            "GET /_connector?filter_path=-**.sensitive",
            "GET /_connector/_sync_job/pending?filter_path=connector.configuration.*.value",
            r#"POST /.elastic-connectors/_search {"_source":["configuration.pin.value"]}"#,
            r#"POST /.elastic-connectors/_search {"_source":{"excludes":["*.sensitive","*.*.sensitive"]}}"#,
            "GET /.elastic-connectors/_doc/crm?_source_excludes=configuration.pin.sensitive",
        ],
        false,
    ),
    (
        "direct writes of the value alone",
        &[
            r#"POST /.elastic-connectors/_update/crm {"doc":{"configuration":{"dsn":{"value":"S3cr3t-9zx"}}}}"#,
            r#"POST /.elastic-connectors/_update/crm {"doc":{"configuration.dsn.value":"S3cr3t-9zx"}}"#,
            "GET /S3cr3t-9zx/_doc/1",
        ],
        true,
    ),
    (
        "calls about secrets that miss",
        &[
            r#"POST /_connector/_secret/x {"value":"S3cr3t-9zx"}"#,
            r#"PUT /_secrets/x {"value":"S3cr3t-9zx"}"#,
            r#"PUT /_connector/secret/x {"value":"S3cr3t-9zx"}"#,
            r#"PATCH /_connector/%5Fsecret/x {"valu":"S3cr3t-9zx"}"#,
        ],
        false,
    ),
    (
        "bodies that are no JSON",
        &[
            "PUT /_connector/crm/_configuration {value:'S3cr3t-9zx',values:{pin:'S3cr3t-9zx'}}",
            "PUT /_connector/crm/_configuration {configuration:{password:{value:'S3cr3t-9zx'}}}",
            r#"PUT /_connector/crm/_configuration {"values":{"pin":"S3cr3t-9zx"#,
            r#"PUT /_connector/crm/_configuration {"values":{"pin":S3cr3t-9zx}}"#,
            "PUT /_connector/_secret/x {value:S3cr3t-9zx}",
            "PUT /_connector/_secret/x S3cr3t-9zx",
            "PUT /_connector/crm/_configuration values:\n  pin: S3cr3t-9zx\n",
        ],
        false,
    ),
    (
        "quotations",
        &[
            r#"PUT /_connector/_secret/x {"value":"S3cr3t-9zx"}"#,
            "GET /_connector/S3cr3t%2D9zx/_configuration/no",
            r#"PUT /_connector/crm/_error {"error":"no S3cr3t-9zx"}"#,
            r#"POST /.elastic-connectors/_search {"query":{"term":{"name":"S3cr3t-9zx"}}}"#,
            r#"PUT /_connector/crm/_last_sync {"last_seen":"S3cr3t-9zx"}"#,
            r#"PUT /_connector/crm/_last_sync {"last_synced":{"value":"S3cr3t-9zx","sensitive":true}}"#,
        ],
        true,
    ),
    ("a semicolon in a query", &["GET /_connector?size=1;api_key=S3cr3t-9zx"], false),
    (
        "the answer that makes it",
        &[
            r#"PUT /_connector/crm/_configuration {"configuration":{"n":{"label":"n","sensitive":true,"default_value":"S3cr3t-9zx"}}}"#,
            r#"PUT /_connector/_sync_job/running/_error {"error":"S3cr3t-9zx"}"#,
        ],
        true,
    ),
];

#[test]
fn no_door_lets_a_secret_out() {
    const SECRET: &str = "S3cr3t-9zx";
    for (door, lines, exposed) in DOORS {
        let (server, mut client) = serve(MockServer::builder().fixture(start()));
        for line in *lines {
            client.send(&call(line));
        }
        let leaks = leaks(&outputs(&server, &mut client), SECRET);
        assert!(leaks.is_empty(), "{door}: {}", leaks.join("\n"));
        let found = server.findings().iter().any(|finding| finding.rule == "secret-exposed");
        assert_eq!(found, *exposed, "{door}");
    }
}

#[test]
fn header_lines_are_masked_by_their_names_and_urls_without_their_passwords() {
    const SECRET: &str = "S3cr3t-9zx";
    let (server, mut client) = serve(MockServer::builder().fixture(start()));
    let mut request = Request::new(Method::Get, "/_connector").header("referer", "https://me:S3cr3t-9zx@host/a");
    for name in [
        "apikey",
        "x-access-token",
        "x-vault-token",
        "private-token",
        "x-goog-api-key",
        "x-csrf-token",
        "x-forwarded-authorization",
        "x-elastic-password",
        "x-my-secret",
        "authorization",
        "cookie",
    ] {
        request = request.header(name, SECRET);
    }
    assert_eq!(client.send(&request.header("x-opaque-id", "seen").header("user-agent", "worker/1")).status, 200);
    let outputs = outputs(&server, &mut client);
    assert_eq!(leaks(&outputs, SECRET), Vec::<String>::new());
    let kept = &server.journal()[0];
    assert_eq!(kept.request.headers().get("referer"), Some("https://<redacted>@host/a"));
    assert_eq!(kept.request.headers().get("user-agent"), Some("worker/1"));
    assert!(server.findings().iter().any(|finding| finding.rule == "secret-exposed"));
}

#[test]
fn a_header_line_that_came_before_its_value_was_known_is_masked_from_then_on() {
    let secret = "s3cr3t-tenant-77";
    let state = format!(r#"{{"secrets":[{{"id":"a","value":"{secret}"}}]}}"#);
    let stub = format!(
        r#"{{"stubs":[{{"request":{{"path":"/x"}},"response":{{"status":200,"headers":{{"set-cookie":"{secret}"}}}}}}]}}"#
    );
    for (method, path, body) in
        [(Method::Post, "state", &state), (Method::Put, "state", &state), (Method::Post, "stubs", &stub)]
    {
        let (server, mut client) = serve(MockServer::builder());
        let mut send = || client.send(&Request::new(Method::Get, "/").header("x-tenant", secret)).status;
        assert_eq!((send(), send()), (200, 200));
        let learnt = client.send(&Request::new(method, format!("/_elastimock/{path}")).json(body.clone()));
        assert_eq!(learnt.status, 200, "{path}");
        let mut send = || client.send(&Request::new(Method::Get, "/").header("x-tenant", secret)).status;
        assert_eq!((send(), send()), (200, 200));
        let tenants: Vec<Option<String>> =
            server.journal().iter().map(|call| call.request.headers().get("x-tenant").map(str::to_owned)).collect();
        assert_eq!(
            tenants[tenants.len() - 2..],
            [Some("<redacted>".to_owned()), Some("<redacted>".to_owned())],
            "{path}"
        );
        let exposed = server.findings().into_iter().filter(|finding| finding.rule == "secret-exposed").count();
        assert!(exposed > 0, "{path}");
    }
}

#[test]
fn what_an_answer_gives_back_of_a_header_line_is_masked_as_in_the_request() {
    let stubs = r#"{"stubs":[{"request":{"operation":"info"},"response":{"patch":{"tagline":"stubbed"}}}]}"#;
    let ids = [
        ("http://u:S3cr3t-9zx@h/x", "http://<redacted>@h/x"),
        // Too short to be looked for elsewhere, and a password that is the user's name.
        ("http://u:pw1@h/x", "http://<redacted>@h/x"),
        ("http://same:same@h/x", "http://<redacted>@h/x"),
        ("http://h/x?token=a", "http://h/x?token=<redacted>"),
        ("Bearer x", "Bearer <redacted>"),
        ("run-7", "run-7"),
    ];
    // Neither who answers nor what was asked before makes a difference.
    for targets in [["/", "/_connector", "/"], ["/_connector", "/", "/_connector"]] {
        let (server, mut client) = serve(MockServer::builder().fixture(Fixture::from_json(stubs).expect("a fixture")));
        for target in targets {
            for (id, _) in ids {
                let answer = client.send(&Request::new(Method::Get, target).header("x-opaque-id", id));
                assert_eq!((answer.status, answer.header("x-opaque-id")), (200, Some(id)), "{target}");
            }
        }
        let masked = ids.iter().cycle().map(|(_, masked)| Some(*masked));
        for (call, masked) in server.journal().iter().zip(masked) {
            let id = |headers: &Headers| headers.get("x-opaque-id").map(str::to_owned);
            assert_eq!(id(call.request.headers()).as_deref(), masked);
            assert_eq!(id(call.response.headers()).as_deref(), masked, "{}", call.request.target());
        }
    }
}

#[test]
fn what_a_stub_gives_out_in_header_lines_is_masked_in_the_journal() {
    let stubs = json!({ "stubs": [{
        "request": { "path": "/_login" },
        "response": {
            "body": { "again": "S3cr3t-cookie9" },
            "headers": {
                "set-cookie": "sid=S3cr3t-cookie9",
                "x-auth-token": "S3cr3t-token9",
                "location": "https://me:S3cr3t-pass9@host/a",
                "retry-after": "1",
            },
        },
    }] });
    let fixture = Fixture::from_json(&stubs.to_string()).expect("a fixture");
    let (server, mut client) = serve(MockServer::builder().fixture(fixture));
    for _ in 0..2 {
        let answer = client.send(&Request::new(Method::Get, "/_login"));
        assert_eq!(answer.header("set-cookie"), Some("sid=S3cr3t-cookie9"));
        assert_eq!(answer.header("location"), Some("https://me:S3cr3t-pass9@host/a"));
        assert_eq!(answer.json(), json!({ "again": "S3cr3t-cookie9" }));
    }
    for call in server.journal() {
        let line = |name: &str| call.response.headers().get(name).map(str::to_owned).unwrap_or_default();
        assert_eq!(
            [line("set-cookie"), line("x-auth-token"), line("location"), line("retry-after")],
            ["<redacted>", "<redacted>", "https://<redacted>@host/a", "1"]
        );
        assert_eq!(call.response.body_json(), Some(json!({ "again": "<redacted>" })));
    }
    assert_eq!(leaks(&outputs(&server, &mut client), "S3cr3t-"), Vec::<String>::new());
}

#[test]
fn an_api_key_is_known_from_the_answer_that_makes_it() {
    let (server, mut client) = serve(MockServer::builder().fixture(start()));
    let made = client.send(&call(r#"POST /_security/api_key {"name":"k"}"#)).json();
    for secret in ["api_key", "encoded"].map(|name| made[name].as_str().expect("a text")) {
        client.send(&call(&format!("GET /_connector/{secret}")));
        client.send(&call(&format!(r#"PUT /_connector/crm/_error {{"error":"not taken: {secret}"}}"#)));
        let leaks = leaks(&outputs(&server, &mut client), secret);
        assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    }
    let found = server.findings().into_iter().filter(|finding| finding.rule == "secret-exposed");
    assert_eq!(found.count(), 4);
}

#[test]
fn mistakes_in_a_state_are_told_without_its_secrets() {
    let (server, mut client) = serve(MockServer::builder().fixture(start()));
    for body in [
        r#"{"secrets":[{"id":"x","value":"S3cr3t-9zx","nope":1}]}"#,
        r#"{"secrets":[{"id":"x","value":["S3cr3t-9zx"]}]}"#,
        r#"{"secrets":[{"id":"x","value":"S3cr3t-9zx"}"#,
        r#"{"secrets":[{"id":"x","value":"S3cr3t-9zx"#,
        r#"{"secrets":[{"value":"S3cr3t-9zx"}],"connectors":7}"#,
        r#"{"connectors":[{"id":"x","configuration":{"pin":{"sensitive":true,"value":"S3cr3t-9zx"}},"status":"nope"}]}"#,
        r#"{"connectors":[{"id":"crm","configuration":{"pin":{"sensitive":true,"value":"S3cr3t-9zx"}}}]}"#,
        r#"{"connectors":[{"id":"x","configuration":"S3cr3t-9zx"}]}"#,
    ] {
        for method in ["PUT", "POST"] {
            let answer = client.send(&call(&format!("{method} /_elastimock/state {body}")));
            assert!(!answer.text().contains("S3cr3t"), "{method} {body}: {}", answer.text());
        }
    }
    assert_eq!(leaks(&outputs(&server, &mut client), "S3cr3t"), Vec::<String>::new());
}

#[test]
fn ordinary_bodies_are_kept_byte_for_byte() {
    let (server, mut client) = serve(MockServer::builder().fixture(start()));
    let lines = [
        r#"PUT /_connector/_sync_job/pending/_claim {"worker_hostname":"w-1","sync_cursor":{"token":"t","password":"p"}}"#,
        r#"PUT /_connector/wiki/_configuration { "configuration" : { "url" : { "label":"U", "value" : "https://x" , "sensitive":false} } }"#,
        r#"PUT /_connector/wiki/_configuration {"values":{"url":"https://y"}}"#,
        r#"PUT /_connector/wiki/_name {"name":"the token of all passwords"}"#,
        r#"PUT /_connector/wiki/_name {"name":"cut off"#,
        "PUT /_connector/wiki/_name name: plain",
        r#"PUT /plain/_doc/2 {"value":"v","values":[1,2],"user":{"name":"n"}}"#,
        r#"POST /_bulk {"index":{"_index":"plain"}}"#,
        r#"GET /nowhere/_nothing/at/all {"value":"v"}"#,
    ];
    for line in lines {
        client.send(&call(line));
    }
    for (line, kept) in lines.iter().zip(server.journal()) {
        assert_eq!(kept.request, kept.request.clone().with_body(call(line).body().clone()), "{line}");
        assert!(!readable(&kept).contains("<redacted>"), "{line}: {}", readable(&kept));
    }
}

#[test]
fn what_is_masked_still_plays() {
    let lines = [
        r#"PUT /_connector/_secret/x {"value":"S3cr3t-9zx"}"#,
        "GET /_connector/S3cr3t-9zx",
        "GET /_connector?size=1;api_key=abc",
        r#"PUT /_connector/crm/_error {"error":"not S3cr3t-9zx again"}"#,
        r#"PUT /_connector/crm/_configuration {"values":{"pin":12345}}"#,
        r#"PUT /_connector/crm/_configuration {"values":{pin:12345}}"#,
        "PUT /_connector/_secret/x value: S3cr3t-9zx",
    ];
    let (server, mut client) = serve(MockServer::builder().fixture(start()));
    let answers: Vec<u16> = lines.map(|line| client.send(&call(line)).status).to_vec();
    let recording = Recording::parse("a.ndjson", server.recording().to_text().as_bytes()).expect("a recording");
    let (server, mut client) = serve(MockServer::builder().playback(recording));
    let played: Vec<u16> = lines.map(|line| client.send(&call(line)).status).to_vec();
    assert_eq!(played, answers);
    let leaks = leaks(&outputs(&server, &mut client), "S3cr3t-9zx");
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    // What only this client says is secret too.
    for line in [
        r#"PUT /_connector/crm/_configuration {"values":{"pin":"0wn-S3cr3t"}}"#,
        r#"PUT /_connector/crm/_error {"error":"0wn-S3cr3t"}"#,
        "GET /_connector/0wn-S3cr3t?q=0wn-S3cr3t",
        "GET /_connector?q=0wn-S3cr3t",
    ] {
        assert_eq!(client.send(&call(line)).status, 400, "{line}");
    }
    let leaks = self::leaks(&outputs(&server, &mut client), "0wn-S3cr3t");
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

// ── canaries ──────────────────────────────────────────────────────────────────────────────────────
//
// A canary is a secret that is found again by its core, however it is spelt. It is planted where a mock may
// hear of a secret, then said in a place that the API has for something else. In a line `$J` stands for it within a
// JSON string, `$U` within a URL, `$R` as it is, and `$C` for its core alone.

/// Places where a secret tells by itself that it is one, and from which on it is known.
const PLANTS: &[&str] = &[
    // Settings that are marked, in all spellings.
    r#"PUT /_connector/crm/_configuration {"configuration":{"k":{"label":"l","sensitive":true,"value":"$J"}}}"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"k":{"value":"$J","label":"l","sensitive":true}}}"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"k":{"default_value":"$J","label":"l","sensitive":true}}}"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"k":{"label":"l","sensitive":"true","value":"$J"}}}"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"k":{"label":"l","sensitive":"TRUE","value":"$J"}}}"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"k":{"label":"l","sensitive":1,"value":"$J"}}}"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"k":{"label":"l","sensitive":"yes","value":["$J"]}}}"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"k":{"label":"l","sensit\u0069ve":true,"v\u0061lue":"$J"}}}"#,
    r#"PUT /_connector/crm/_configuration { "configuration" : { "k" : { "sensitive" : true , "label" : "l" , "value" : { "a" : "$J" } } } }"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"k":{"label":"l","sensitive":true,"valeu":"$J"}}}"#,
    r#"PUT /_connector/no-such/_configuration {"configuration":{"k":{"label":"l","sensitive":true,"value":"$J"}}}"#,
    r#"PUT /_connector/crm/_configuratoin {"configuration":{"k":{"label":"l","sensitive":true,"value":"$J"}}}"#,
    r#"PUT /_connector/crm {"configuration":{"k":{"label":"l","sensitive":true,"value":"$J"}}}"#,
    // Settings that are named like secrets.
    r#"PUT /_connector/crm/_configuration {"configuration":{"password":{"label":"l","value":"$J"}}}"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"api_token":{"label":"l","sensitive":false,"value":"$J"}}}"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"Secret_Key":{"label":"l","value":"$J"}}}"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"db-passphrase":"$J"}}"#,
    r#"PUT /_connector/crm/_configuration {"values":{"my_password":"$J"}}"#,
    r#"PUT /_connector/crm/_configuration {"values":{"password":{"nested":[{"deep":"$J"}]}}}"#,
    // Values of settings that the state has marked.
    r#"PUT /_connector/crm/_configuration {"values":{"pin":"$J"}}"#,
    r#"PUT /_connector/crm/_configuration {"values":{"pin":["$J"]}}"#,
    r#"PUT /_connector/crm/_configuration {"values":{"dsn":{"a":{"b":"$J"}}}}"#,
    r#"PUT /_connector/no-such/_configuration {"values":{"pin":"$J"}}"#,
    r#"PUT /_connector/crm/_configuration {"values":{"pin":"$J","unknown":1}}"#,
    // Direct writes of the indices.
    r#"POST /.elastic-connectors/_update/crm {"doc":{"configuration":{"dsn":{"value":"$J"}}}}"#,
    r#"POST /.elastic-connectors/_update/crm {"doc":{"configuration.dsn.value":"$J"}}"#,
    r#"POST /.elastic-connectors/_update/crm {"doc":{"configuration":{"k":{"sensitive":true,"value":"$J"}}}}"#,
    r#"POST /.elastic-connectors/_update/new {"doc":{},"upsert":{"configuration":{"pin":{"value":"$J"}}}}"#,
    r#"PUT /.elastic-connectors/_doc/new {"configuration":{"k":{"sensitive":true,"value":"$J"}}}"#,
    r#"PUT /.elastic-connectors-v1/_create/newer {"configuration":{"pin":{"value":"$J"}}}"#,
    "POST /_bulk {\"update\":{\"_index\":\".elastic-connectors\",\"_id\":\"crm\"}}\n{\"doc\":{\"configuration\":{\"dsn\":{\"value\":\"$J\"}}}}\n",
    "POST /.elastic-connectors/_bulk {\"index\":{\"_id\":\"b\"}}\n{\"configuration\":{\"pin\":{\"value\":\"$J\",\"sensitive\":true}}}\n",
    r#"PUT /.elastic-connectors-sync-jobs/_doc/j {"status":"pending","connector":{"configuration":{"pin":{"value":"$J"}}}}"#,
    r#"PUT /plain/_doc/c {"configuration":{"pin":{"value":"$J"}}}"#,
    // Connector secrets.
    r#"POST /_connector/_secret {"value":"$J"}"#,
    r#"PUT /_connector/_secret/s {"value":"$J"}"#,
    r#"PUT /_connector/_secret/s {"valu":"$J"}"#,
    r#"PUT /_connector/_secret/s {"value":["$J"]}"#,
    r#"PUT /_connector/_secret/s "$J""#,
    r#"PUT /_connector/_secret/s ["$J"]"#,
    r#"PUT /_connector/_secret/s {"value":"$J","value":"$J"}"#,
    r#"POST /_connector/_secret/s {"value":"$J"}"#,
    r#"PUT /_connector/_secrets/s {"value":"$J"}"#,
    r#"POST /_secrets/s {"value":"$J"}"#,
    r#"PUT //_connector//_secret/s {"value":"$J"}"#,
    r#"PUT /_connector/%5fsecret/s {"value":"$J"}"#,
    r#"PUT /_connector/secret/s {"value":"$J"}"#,
    // Keys, users.
    r#"POST /_security/user/u {"password":"$J","roles":[]}"#,
    r#"POST /_security/oauth2/token {"grant_type":"password","username":"u","password":"$J"}"#,
    r#"POST /_security/api_key/grant {"grant_type":"access_token","access_token":"$J"}"#,
    r#"PUT /plain/_doc/k {"api_key":"$J"}"#,
    // A state that is put, or added.
    r#"POST /_elastimock/state {"secrets":[{"id":"$U","value":"$J"}]}"#,
    r#"POST /_elastimock/state {"connectors":[{"id":"$U","configuration":{"k":{"label":"l","sensitive":true,"value":"$J"}}}]}"#,
    r#"POST /_elastimock/state {"connectors":[{"id":"$U","configuration":{"token":{"label":"l","value":"$J"}}}]}"#,
];

/// Places where a secret may be said and is masked, and not known afterwards: nobody can read it there, or it is of
/// one call only. A header stands before the line.
const SAID: &[&str] = &[
    r#"PUT /_connector/crm/_configuration {"values":{"pin":"$J"#,
    r#"PUT /_connector/crm/_configuration {"values":{"pin":$R}}"#,
    "PUT /_connector/crm/_configuration {'values':{'pin':'$R'}}",
    "PUT /_connector/crm/_configuration {values:{pin:'$R'}}",
    "PUT /_connector/crm/_configuration {\"configuration\":{password:{value:\"$R\"}}}",
    "PUT /_connector/crm/_configuration values:\n  pin: $R\n",
    "content-type: application/yaml\nPUT /_connector/crm/_name name: $R\n",
    "content-type: application/x-www-form-urlencoded\nPUT /_connector/crm/_name password=$U",
    "content-encoding: gzip\nPUT /_connector/crm/_name $R",
    "PUT /_connector/crm/_name \u{0}$R",
    "PUT /_connector/_secret/s $R",
    "PUT /_connector/_secret/s {value:$R}",
    r#"PUT /_connector/_secret/s {"value":"$J"#,
    "POST /_connector/_secret value: $R",
    "POST /_bulk {\"index\":{\"_index\":\".elastic-connectors\"}}\n{\"configuration\":{\"pin\":{\"value\":$R}}}\n",
    "authorization: Bearer $R\nGET /_connector",
    "authorization: ApiKey $R\nGET /_connector",
    "authorization: $R\nPUT /_connector/crm/_check_in",
    "proxy-authorization: Basic $R\nGET /_connector",
    "es-secondary-authorization: ApiKey $R\nGET /_connector",
    "cookie: sid=$R; a=b\nGET /_connector",
    "set-cookie: sid=$R\nGET /_connector",
    "x-api-key: $R\nGET /_connector",
    "apikey: $R\nGET /_connector",
    "x-access-token: $R\nGET /_connector",
    "x-vault-token: $R\nGET /_connector",
    "x-goog-api-key: $R\nGET /_connector",
    "x-forwarded-authorization: $R\nGET /_connector",
    "x-elastic-password: $R\nGET /_connector",
    "x-client-secret: $R\nGET /_connector",
    "referer: https://me:$U@host/a?b=c\nGET /_connector",
    "origin-url: https://$U@host\nGET /_connector",
    "GET /_connector?api_key=$U",
    "GET /_connector?size=1;token=$U;pretty",
    "GET /_connector?from=0&Access_Token=$U",
    "GET /_connector?%70assword=$U",
    "GET /_connector?encoded=$U&pretty",
    "GET /_connector?url=https%3A%2F%2Fme%3A$C%40host",
    r#"POST /.elastic-connectors/_search {"query":{"term":{"configuration.pin.value":{"value":"$J"}}}}"#,
    r#"POST /.elastic-connectors/_search {"query":{"match":{"configuration.password.value":"$J"}}}"#,
];

/// Every operation of connectors and the others that matter, with a secret wherever it takes a text.
const PLACES: &[&str] = &[
    "GET /_connector?connector_name=$U&index_name=$U&service_type=$U&query=$U",
    "GET /_connector?from=$U",
    "GET /_connector?what=$U",
    "GET /_connector?$U=1",
    r#"POST /_connector {"name":"$J","description":"$J","index_name":"$J","service_type":"$J","language":"$J"}"#,
    r#"PUT /_connector/$U {"name":"n"}"#,
    r#"PUT /_connector {"name":"$J","is_native":"$J"}"#,
    "GET /_connector/$U",
    "GET /_connector/x-$U-y?include_deleted=$U",
    "DELETE /_connector/$U?delete_sync_jobs=$U",
    "PUT /_connector/$U/_check_in",
    r#"PUT /_connector/crm/_check_in {"x":"$J"}"#,
    r#"PUT /_connector/crm/_last_sync {"last_sync_error":"$J","last_sync_status":"$J","sync_cursor":{"a":"$J"}}"#,
    r#"PUT /_connector/crm/_last_sync {"last_sync_error":"not with $J!","last_access_control_sync_error":"$J","last_seen":"$J"}"#,
    r#"PUT /_connector/crm/_last_sync {"last_seen":{"value":"$J","sensitive":true}}"#,
    "PUT /_connector/$U/_filtering/_activate",
    r#"PUT /_connector/crm/_api_key_id {"api_key_id":"$J","api_key_secret_id":"$J"}"#,
    r#"PUT /_connector/crm/_configuration {"values":{"host":"$J"}}"#,
    r#"PUT /_connector/crm/_configuration {"values":{"$J":1}}"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"host":{"label":"$J","tooltip":"$J","value":"$J","display":"$J"}}}"#,
    r#"PUT /_connector/crm/_configuration {"configuration":{"$J":{"label":"l","$J":1}}}"#,
    r#"PUT /_connector/crm/_error {"error":"$J"}"#,
    r#"PUT /_connector/crm/_error {"error":"cannot log in with '$J'","more":"$J"}"#,
    r#"PUT /_connector/crm/_features {"features":{"$J":{"enabled":true}}}"#,
    r#"PUT /_connector/crm/_filtering {"advanced_snippet":{"value":{"a":"$J"},"created_at":"$J"}}"#,
    r#"PUT /_connector/crm/_filtering {"rules":[{"id":"$J","field":"$J","order":0,"policy":"$J","rule":"$J","value":"$J"}]}"#,
    r#"PUT /_connector/crm/_filtering {"filtering":[{"domain":"$J"}]}"#,
    r#"PUT /_connector/crm/_filtering/_validation {"validation":{"errors":[{"ids":["$J"],"messages":["$J"]}],"state":"$J"}}"#,
    r#"PUT /_connector/crm/_index_name {"index_name":"$J"}"#,
    r#"PUT /_connector/crm/_name {"name":"$J","description":"say $J twice: $J"}"#,
    r#"PUT /_connector/crm/_native {"is_native":"$J"}"#,
    r#"PUT /_connector/crm/_pipeline {"pipeline":{"name":"$J","extract_binary_content":true,"reduce_whitespace":true,"run_ml_inference":"$J"}}"#,
    r#"PUT /_connector/crm/_scheduling {"scheduling":{"full":{"enabled":true,"interval":"$J"}}}"#,
    r#"PUT /_connector/crm/_service_type {"service_type":"$J"}"#,
    r#"PUT /_connector/crm/_status {"status":"$J"}"#,
    "GET /_connector/_sync_job?connector_id=$U&status=$U&job_type=$U",
    r#"POST /_connector/_sync_job {"id":"$J","job_type":"$J","trigger_method":"$J"}"#,
    "GET /_connector/_sync_job/$U",
    "DELETE /_connector/_sync_job/$U",
    r#"PUT /_connector/_sync_job/$U/_claim {"worker_hostname":"w-1"}"#,
    r#"PUT /_connector/_sync_job/pending/_claim {"worker_hostname":"$J","sync_cursor":{"c":"$J"}}"#,
    "PUT /_connector/_sync_job/$U/_cancel",
    "PUT /_connector/_sync_job/$U/_check_in",
    r#"PUT /_connector/_sync_job/running/_error {"error":"$J"}"#,
    r#"PUT /_connector/_sync_job/running/_stats {"deleted_document_count":1,"indexed_document_count":1,"indexed_document_volume":1,"metadata":{"m":"$J"},"last_seen":"$J"}"#,
    r#"PUT /_connector/_sync_job/running/_stats {"deleted_document_count":"$J"}"#,
    "GET /_connector/_secret/$U",
    "DELETE /_connector/_secret/$U",
    r#"PUT /_connector/_secret/$U {"value":"of-n0-matter"}"#,
    r#"PUT /plain/_doc/$U {"t":"$J","n":{"l":["a","$J"]}}"#,
    r#"POST /plain/_doc?routing=$U {"$J":"$J"}"#,
    "GET /$U/_doc/1",
    "GET /plain/_doc/$U?_source=$U",
    r#"POST /plain/_update/1 {"doc":{"t":"$J"}}"#,
    "POST /_bulk {\"index\":{\"_index\":\"plain\",\"_id\":\"$J\"}}\n{\"t\":\"a $J b\"}\n",
    "POST /plain/_bulk {\"update\":{\"_id\":\"1\"}}\n{\"doc\":{\"t\":\"$J\"}}\n{\"delete\":{\"_id\":\"$J\"}}\n",
    r#"POST /_mget {"docs":[{"_index":"plain","_id":"$J"},{"_index":"$J","_id":"1"}]}"#,
    r#"POST /plain/_search {"query":{"term":{"t":"$J"}}}"#,
    r#"POST /.elastic-connectors/_search {"query":{"bool":{"filter":[{"match":{"name":"$J"}},{"wildcard":{"index_name":"*$J*"}}]}}}"#,
    r#"POST /.elastic-connectors/_search {"query":{"query_string":{"query":"name:\"$R\""}}}"#,
    r#"POST /.elastic-connectors/_search {"query":{"nope":{"$J":"$J"}},"sort":["$J"],"_source":["$J"]}"#,
    "GET /plain/_search?q=t:$U&sort=$U&df=$U",
    r#"POST /plain/_count {"query":{"range":{"t":{"gte":"$J"}}}}"#,
    r#"POST /plain/_update_by_query {"query":{"term":{"t":"$J"}}}"#,
    r#"POST /_search/scroll {"scroll_id":"$J","scroll":"$J"}"#,
    r#"DELETE /_search/scroll {"scroll_id":["$J"]}"#,
    "PUT /$U",
    r#"PUT /plain/_mapping {"properties":{"$J":{"type":"$J"}}}"#,
    r#"POST /_aliases {"actions":[{"add":{"index":"plain","alias":"$J"}}]}"#,
    "PUT /plain/_alias/$U",
    r#"PUT /_ingest/pipeline/$U {"description":"$J","processors":[{"set":{"field":"$J","value":"$J"}},{"nope":{"a":"$J"}}]}"#,
    r#"POST /_security/api_key {"name":"$J","metadata":{"m":"$J"},"expiration":"$J"}"#,
    "GET /_cat/indices/$U?h=$U",
    "GET /_cluster/health/$U?timeout=$U",
    "GET /_no/such/$U",
    "BREW /$U",
    "GET /%zz$U",
    "PUT /_connector/crm/_name {\"name\": $R",
    "PUT /_connector/crm/_name $R",
    "x-opaque-id: $R\nGET /_connector",
    "user-agent: worker ($R)\nGET /_connector",
    "referer: http://host/?x=$U\nGET /_connector",
    "accept: $R\nGET /_connector",
    "content-type: $R\nPUT /_connector/crm/_name {}",
    "accept: application/vnd.elasticsearch+json;compatible-with=$R\nGET /_connector",
];

/// What shows what there is, with and without the marks.
const LOOKS: &[&str] = &[
    "GET /_connector",
    "GET /_connector/crm",
    "GET /_connector/crm?filter_path=configuration.*.value,configuration.*.default_value",
    "GET /_connector?filter_path=-**.sensitive",
    "GET /_connector/_sync_job/pending?filter_path=connector.configuration.*.value",
    "GET /_connector/_secret/s",
    "GET /_connector/_secret/vault?pretty",
    r#"POST /.elastic-connectors/_search {"_source":["configuration.pin.value","configuration.k.value","name","error"]}"#,
    r#"POST /.elastic-connectors/_search {"_source":{"excludes":["configuration.*.sensitive"]}}"#,
    "GET /.elastic-connectors/_doc/crm?_source_excludes=configuration.pin.sensitive",
    "GET /.elastic-connectors/_source/crm",
    r#"POST /plain/_search {"query":{"match_all":{}}}"#,
];

/// A canary: what it says, and the core by which it is found.
#[derive(Clone, Debug)]
struct Canary {
    core: String,
    text: String,
}

impl Canary {
    const SPELLINGS: usize = 6;

    fn new(serial: u32, spelling: usize) -> Canary {
        let core = match spelling {
            5 => format!("83{serial:010}5"),
            _ => format!("Kn{serial:06x}q4zR{:04x}", serial.wrapping_mul(40_503) & 0xFFFF),
        };
        let text = match spelling {
            1 => format!("p@ss \"{core}\\ é=&;+%41?#"),
            2 => format!("{core}-x y/z=="),
            3 => format!("-----BEGIN-----\n{core}\n-----END-----"),
            4 => format!("postgres://me:{core}@db.local:5432/x"),
            _ => core.clone(),
        };
        Canary { core, text }
    }

    /// The call that a line tells, with the canary in its places.
    fn call(&self, line: &str) -> Request {
        let json = json!(self.text).to_string();
        let url: String = self
            .text
            .bytes()
            .map(|byte| match byte {
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        let line = line.replace("$J", json.trim_matches('"')).replace("$U", &url).replace("$C", &self.core);
        let (header, line) = match line.split_once('\n') {
            Some((header, line)) if !header.starts_with(|c: char| c.is_ascii_uppercase()) => {
                (header.split_once(": "), line)
            }
            _ => (None, &*line),
        };
        let fill = |text: &str| text.replace("$R", &self.text);
        let mut parts = line.splitn(3, ' ');
        let mut next = || parts.next().unwrap_or_default();
        let request = Request::new(Method::new(next()), next()).with_body(fill(next()));
        let has_type = header.is_some_and(|(name, _)| name == "content-type");
        let request = match header {
            // A header has no line breaks.
            Some((name, value)) => request.header(name, &fill(value).replace('\n', " ")),
            None => request,
        };
        if has_type || request.body().is_empty() { request } else { request.header("content-type", "application/json") }
    }
}

/// What has been tried, to be told at the end.
#[derive(Default)]
struct Tried {
    runs: usize,
    calls: usize,
    places: BTreeSet<&'static str>,
    outputs: BTreeSet<String>,
    checked: usize,
}

impl Tried {
    /// A run: each step plants a canary and says it again. Then the run's recording is played to the same calls.
    fn run(&mut self, steps: &[(&'static str, Option<&'static str>, Canary)]) -> Result<(), String> {
        self.runs += 1;
        let file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
        let (server, mut client) = serve(MockServer::builder().fixture(start()).record(file.path()));
        let mut calls: Vec<Request> = Vec::new();
        let mut played: Vec<Request> = Vec::new();
        for (plant, place, canary) in steps {
            let is_state = plant.contains("/_elastimock/state");
            for line in [Some(*plant), *place].into_iter().flatten() {
                self.places.insert(line);
                calls.push(canary.call(line));
                // A playback has no state to learn from, and headers do not count for what is played.
                if !is_state || (line != *plant && line.starts_with(|c: char| c.is_ascii_uppercase())) {
                    played.push(canary.call(line));
                }
            }
        }
        for call in LOOKS.iter().map(|line| call(line)) {
            calls.push(call.clone());
            played.push(call);
        }
        for call in &calls {
            client.send(call);
        }
        self.check(&server, &mut client, steps, std::fs::read(file.path()).unwrap_or_default())?;
        let recording =
            Recording::parse("a.ndjson", server.recording().to_text().as_bytes()).map_err(|error| error.to_string())?;
        let (server, mut client) = serve(MockServer::builder().playback(recording));
        // The last ones once more, when every answer has been given.
        for call in played.iter().chain(played.iter().rev().take(20)) {
            client.send(call);
        }
        self.calls += calls.len() + played.len() + 20;
        self.check(&server, &mut client, steps, Vec::new())
    }

    fn check(
        &mut self,
        server: &MockServer,
        client: &mut Client,
        steps: &[(&'static str, Option<&'static str>, Canary)],
        recorded: Vec<u8>,
    ) -> Result<(), String> {
        let mut outputs = outputs(server, client);
        outputs.push(("recording on disk".to_owned(), String::from_utf8_lossy(&recorded).into_owned()));
        self.checked += outputs.len() * steps.len();
        self.outputs.extend(outputs.iter().map(|(name, _)| name.clone()));
        let fixture =
            ["fixture-Pin4711", "fixture-Old4711", "fixture-Dsn4711", "fixture-Pass4711", "fixture-Vault4711"];
        for secret in fixture.into_iter().chain(steps.iter().map(|(_, _, canary)| &*canary.core)) {
            if let Some(leak) = leaks(&outputs, secret).into_iter().next() {
                let step = steps.iter().find(|(_, _, canary)| canary.core == secret);
                return Err(format!("{leak}\nstep: {step:?}"));
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Tried { runs, calls, places, outputs, checked } = self;
        let (places, outputs) = (places.len(), outputs.len());
        write!(
            f,
            "canaries: {places} places, {outputs} outputs, {runs} runs with a playback each, {calls} calls, {checked} looks"
        )
    }
}

/// Every place that plants and every place that says, each with two of the spellings, and each time with a canary
/// of its own.
fn every_step() -> Vec<(&'static str, Option<&'static str>, Canary)> {
    let mut steps = Vec::new();
    for round in 0..2 {
        let canary = |steps: &Vec<_>| Canary::new(steps.len() as u32 * 7 + 100, steps.len() % Canary::SPELLINGS);
        for plant in PLANTS.iter().chain(SAID) {
            steps.push((*plant, None, canary(&steps)));
        }
        for (at, place) in PLACES.iter().enumerate() {
            let plant = PLANTS[(at * 5 + round) % PLANTS.len()];
            steps.push((plant, Some(*place), canary(&steps)));
        }
    }
    steps
}

#[test]
fn no_output_has_a_canary_wherever_it_was_planted() {
    let mut tried = Tried::default();
    let mut leaks = Vec::new();
    for steps in every_step().chunks(40) {
        leaks.extend(tried.run(steps).err());
    }
    println!("{tried}");
    assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.join("\n\n"));
}

#[test]
fn what_is_planted_is_known_from_then_on() {
    for (at, plant) in PLANTS.iter().enumerate() {
        for spelling in 0..Canary::SPELLINGS {
            let mut door = EngineDoor::new(start(), T0);
            let canary = Canary::new(at as u32, spelling);
            if plant.contains("/_elastimock") {
                continue;
            }
            door.send(&canary.call(plant));
            door.send(&canary.call("GET /_connector/$U"));
            let found = door.engine.findings(false).into_iter().filter(|finding| finding.rule == "secret-exposed");
            assert_eq!(found.map(|finding| finding.seq).collect::<Vec<_>>(), [2], "{plant} with {canary:?}");
        }
    }
}

#[test]
fn no_output_has_a_canary_whatever_is_said_in_any_order() {
    let plant = prop::sample::select([PLANTS, SAID].concat());
    let place = prop::option::of(prop::sample::select(PLACES));
    let step = (plant, place, any::<u32>(), 0..Canary::SPELLINGS).prop_filter_map(
        "known plants only",
        |(plant, place, serial, spelling)| {
            let place = place.filter(|_| PLANTS.contains(&plant));
            Some((plant, place, Canary::new(serial & 0xFF_FFFF, spelling)))
        },
    );
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() });
    let tried = RefCell::new(Tried::default());
    let outcome = runner
        .run(&prop::collection::vec(step, 1..12), |steps| tried.borrow_mut().run(&steps).map_err(TestCaseError::fail));
    println!("{}", tried.borrow());
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// The lines that the binary tells of each call, what it says at the end, and the reports that it writes.
#[cfg(all(feature = "cli", unix))]
#[test]
fn no_line_of_the_binary_has_a_canary() {
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("start.json"), start().to_value().to_string()).expect("a fixture");
    let mut command = Command::new(env!("CARGO_BIN_EXE_elastimock"));
    command.args(["serve", "-vv", "--listen", "127.0.0.1:0", "--fixtures", "start.json", "--port-file", "port"]);
    command.args(["--record", "story.ndjson"]).args(
        ReportFormat::ALL
            .iter()
            .flat_map(|format| ["--report".to_owned(), format!("{}={}.report", format.name(), format.name())]),
    );
    let out = |name: &str| Stdio::from(std::fs::File::create(file(name)).expect("a file"));
    let mut child =
        command.current_dir(folder.path()).stdout(out("stdout")).stderr(out("stderr")).spawn().expect("the binary");
    let began = std::time::Instant::now();
    let port = loop {
        match std::fs::read_to_string(file("port")).ok().and_then(|port| port.trim().parse::<u16>().ok()) {
            Some(port) => break port,
            None if began.elapsed().as_secs() < 30 => std::thread::yield_now(),
            None => panic!("no port: {}", std::fs::read_to_string(file("stderr")).unwrap_or_default()),
        }
    };
    let mut client = Client::connect(([127, 0, 0, 1], port).into());
    let steps: Vec<_> = every_step().into_iter().step_by(2).collect();
    for (plant, place, canary) in &steps {
        client.send(&canary.call(plant));
        place.iter().for_each(|place| drop(client.send(&canary.call(place))));
    }
    LOOKS.iter().for_each(|line| drop(client.send(&call(line))));
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill").success());
    child.wait().expect("an end");
    let outputs: Vec<(String, String)> = std::fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            (path.display().to_string(), String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned())
        })
        .filter(|(name, _)| !name.ends_with("start.json"))
        .collect();
    assert!(outputs.iter().any(|(name, text)| name.ends_with("stderr") && text.contains("<redacted>")));
    assert_eq!(
        outputs.len(),
        3 + ReportFormat::ALL.len(),
        "{:?}",
        outputs.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
    let leaks: Vec<String> = steps.iter().flat_map(|(_, _, canary)| leaks(&outputs, &canary.core)).collect();
    assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.join("\n"));
}
