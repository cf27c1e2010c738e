//! What is secret goes to its client and nowhere else: not into the journal, nor a recording, nor a finding.

use elastimock::{
    Clock, Fixture, Interaction, Method, MockServer, Recording, Report, ReportFormat, Request, Strictness,
};
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

fn serve(builder: elastimock::Builder) -> (MockServer, Client) {
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
