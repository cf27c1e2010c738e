//! Seeds × random calls: whatever a client says, some things always hold. A failure prints its seed;
//! `ELASTIMOCK_SEED=… cargo test simulation` brings it back.

use serde_json::Value;

use elastimock::http::{Method, Request};

use crate::support::{Answer, Door, EngineDoor, T0, cluster};

/// A small generator of its own, so that the calls do not depend on the mock's.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

const JOBS: [&str; 8] = ["J-p", "J-i", "J-s", "J-cg", "J-c", "J-x", "J-e", "J-404"];
const BODIES: [&str; 14] = [
    "",
    "{}",
    "[]",
    "{",
    "  ",
    r#"{"worker_hostname":"w-1"}"#,
    r#"{"worker_hostname":"w-2","sync_cursor":{"page":3,"n":{"x":[1,2]}}}"#,
    r#"{"worker_hostname":"","sync_cursor":null}"#,
    r#"{"error":"disk full"}"#,
    r#"{"error":""}"#,
    r#"{"deleted_document_count":1,"indexed_document_count":"2","indexed_document_volume":3.9,"metadata":{"a":{"b":1}}}"#,
    r#"{"deleted_document_count":-1,"indexed_document_count":2,"indexed_document_volume":3000000000}"#,
    r#"{"id":"cn-a","job_type":"Incremental"}"#,
    r#"{"id":"cn-a","job_type":"weekly","trigger_method":"on_demand"}"#,
];

/// Verbs of connectors, and bodies that fit them more or less.
const CONNECTORS: [&str; 4] = ["cn-a", "cn-bare", "cn-deleted", "cn-404"];
const VERBS: [(&str, &[&str]); 18] = [
    ("", &["", r#"{"index_name":"idx-b"}"#, r#"{"name":"n","is_native":"true"}"#]),
    ("/_check_in", &[""]),
    ("/_last_sync", &[r#"{"last_sync_status":"PENDING","sync_cursor":{"p":1}}"#, r#"{"last_synced":"soon"}"#]),
    ("/_error", &[r#"{"error":"e"}"#, r#"{"error":null}"#, "{}"]),
    ("/_name", &[r#"{"name":"n"}"#, r#"{"name":null,"description":"d"}"#]),
    ("/_service_type", &[r#"{"service_type":"s3"}"#, r#"{"service_type":""}"#]),
    ("/_index_name", &[r#"{"index_name":"idx-z"}"#, r#"{"index_name":"idx-b"}"#, r#"{"index_name":null}"#]),
    ("/_native", &[r#"{"is_native":true}"#, r#"{"is_native":false}"#]),
    ("/_status", &[r#"{"status":"connected"}"#, r#"{"status":"Needs_Configuration"}"#, r#"{"status":"error"}"#]),
    ("/_api_key_id", &[r#"{"api_key_id":"k","api_key_secret_id":"s"}"#, r#"{"api_key_id":null}"#]),
    ("/_features", &[r#"{"features":{"sync_rules":{"basic":{"enabled":true}}}}"#, "{}"]),
    ("/_pipeline", &[r#"{"pipeline":{"name":"p"}}"#]),
    (
        "/_scheduling",
        &[
            r#"{"scheduling":{"full":{"enabled":true,"interval":"0 0/5 1-7 ? * mon#2"}}}"#,
            r#"{"scheduling":{"full":{"enabled":true,"interval":"0 0 0 L-W * ?"}}}"#,
        ],
    ),
    (
        "/_configuration",
        &[
            r#"{"configuration":{"a":{"label":"A","value":{"x":1}},"b":{"label":"B","order":"2"}}}"#,
            r#"{"values":{"a":{"y":[2]}}}"#,
            r#"{"values":{"a":null}}"#,
            r#"{"values":[]}"#,
            r#"{"configuration":{"a":[{"label":"A"}]}}"#,
        ],
    ),
    (
        "/_filtering",
        &[
            r#"{"rules":[{"field":"f","id":"r","order":1,"policy":"include","rule":">","value":"v"}]}"#,
            r#"{"rules":[{"field":"f","id":"r","order":70000,"policy":"include","rule":">","value":"v"}]}"#,
            r#"{"advanced_snippet":{"value":[1,{"a":[]}]}}"#,
            r#"{"filtering":[]}"#,
        ],
    ),
    ("/_filtering/_validation", &[r#"{"validation":{"errors":[],"state":"valid"}}"#]),
    ("/_filtering/_activate", &[""]),
    ("/_nope", &["{}"]),
];

/// A call about a connector or a secret.
fn connector_call(dice: &mut Dice) -> Request {
    if dice.roll(8) == 0 {
        let target = dice.pick(&["/_connector/_secret/s1", "/_connector/_secret", "/_connector/_secret/s2"]);
        let method = dice.pick(&["GET", "PUT", "POST", "DELETE"]);
        return Request::new(Method::new(method), target).json(dice.pick(&[r#"{"value":"v"}"#, "{}", ""]));
    }
    let (verb, bodies) = VERBS[dice.roll(VERBS.len())];
    let method = if verb.is_empty() { dice.pick(&["GET", "PUT", "DELETE"]) } else { "PUT" };
    let body = if dice.roll(6) == 0 { dice.pick(&BODIES) } else { dice.pick(bodies) };
    Request::new(Method::new(method), format!("/_connector/{}{verb}", dice.pick(&CONNECTORS))).json(body)
}

fn call(dice: &mut Dice) -> Request {
    if dice.roll(2) == 0 {
        return connector_call(dice);
    }
    let job = dice.pick(&JOBS);
    let verb = dice.pick(&["", "/_claim", "/_cancel", "/_check_in", "/_error", "/_stats", "/_nope"]);
    let target = match dice.roll(12) {
        0 => "/".to_owned(),
        1 => format!("/_connector/_sync_job?status={}", dice.pick(&["pending", "foo", ""])),
        2 => "/_connector/_sync_job".to_owned(),
        3 => format!("/_connector/{}", dice.pick(&["cn-a", "cn-b", "cn-404"])),
        4 => format!(
            "/_connector/_sync_job/{job}{verb}?{}",
            dice.pick(&["pretty", "refresh=true", "filter_path=-a", "%"])
        ),
        _ => format!("/_connector/_sync_job/{job}{verb}"),
    };
    let method = dice.pick(&["GET", "PUT", "PUT", "PUT", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "FOO"]);
    Request::new(Method::new(method), target).json(dice.pick(&BODIES))
}

fn sane(request: &Request, answer: &Answer, seed: u64) {
    let what = format!("seed {seed}: {} {} → {} {}", request.method(), request.target(), answer.status, answer.text());
    assert!(matches!(answer.status, 200 | 201 | 400 | 404 | 405 | 406 | 500 | 501), "{what}");
    // Only the server's own slips are answered with 500.
    if answer.status == 500 {
        let slips = ["null_pointer_exception", "illegal_state_exception", "index_out_of_bounds_exception"];
        assert!(slips.iter().any(|slip| answer.json()["error"]["type"] == *slip), "{what}");
    }
    assert_eq!(answer.header("x-elastic-product"), Some("Elasticsearch"), "{what}");
    let length: usize = answer.header("content-length").and_then(|length| length.parse().ok()).expect(&what);
    if *request.method() == Method::Head {
        assert!(answer.body.is_empty(), "{what}");
        return;
    }
    assert_eq!(length, answer.body.len(), "{what}");
    if answer.status >= 400 {
        let body: Value = serde_json::from_slice(&answer.body).expect(&what);
        let error = &body["error"];
        assert!(
            error.is_string() || (error["type"].is_string() && error["root_cause"][0]["type"].is_string()),
            "{what}"
        );
        assert!(body["status"].is_null() || body["status"] == answer.status, "{what}");
    }
}

/// With `watched`, the state is looked at after every call.
fn run(seed: u64, calls: usize, watched: bool) -> Vec<Answer> {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut door = EngineDoor::new(cluster("conformance"), T0);
    let mut answers = Vec::new();
    let state = |door: &EngineDoor| watched.then(|| door.engine.state().expect("a state").to_value());
    let mut before = state(&door);
    for _ in 0..calls {
        let request = call(&mut dice);
        let answer = door.send(&request);
        sane(&request, &answer, seed);
        let after = state(&door);
        if answer.status >= 400 || *request.method() == Method::Get {
            let (method, target) = (request.method(), request.target());
            assert_eq!(before, after, "seed {seed}: {method} {target} was refused and changed the state");
        }
        before = after;
        if dice.roll(5) == 0 {
            door.advance(std::time::Duration::from_millis(1500));
        }
        answers.push(answer);
    }
    door.assert_answers_keep_the_specification(&format!("seed {seed}"));
    let heard = door.engine.journal(0, None, usize::MAX).interactions;
    assert_eq!(heard.len(), calls, "seed {seed}: every call is in the journal");
    // A moved clock has a number of its own.
    assert!(heard.is_sorted_by_key(|interaction| interaction.seq), "seed {seed}: in order");
    answers
}

#[test]
fn whatever_a_client_says_the_answers_are_sane_and_repeatable() {
    let seeds: Vec<u64> = match std::env::var("ELASTIMOCK_SEED") {
        Ok(seed) => vec![seed.parse().expect("ELASTIMOCK_SEED is a number")],
        Err(_) => (0..14).collect(),
    };
    for seed in seeds {
        let first = run(seed, 80, true);
        assert_eq!(run(seed, 80, false), first, "seed {seed}: the same calls gave other answers");
    }
}
