//! What other tools write, read into recordings; and that whatever else is refused with a place.

use proptest::prelude::*;

use super::*;
use crate::record::har;

fn calls(text: &str) -> Vec<(String, String, u16, String)> {
    let imported = import("f", text.as_bytes(), false).unwrap_or_else(|mistake| panic!("{mistake}"));
    let told = imported.recording.interactions.iter().map(|call| {
        (
            format!("{} {}", call.request.method(), call.request.target()),
            String::from_utf8_lossy(call.request.body()).into_owned(),
            call.response.status(),
            call.response.text().into_owned(),
        )
    });
    told.collect()
}

fn expected(target: &str, sent: &str, status: u16, told: &str) -> (String, String, u16, String) {
    (target.to_owned(), sent.to_owned(), status, told.to_owned())
}

const VCRPY: &str = r#"interactions:
- request:
    body: '{"worker_hostname": "w-1"}'
    headers:
      Accept: ['*/*']
      Authorization: [Basic ZWxhc3RpYzpodW50ZXIy]
      Content-Type: [application/json]
    method: PUT
    uri: http://localhost:9200/_connector/_sync_job/job-1/_claim
  response:
    body:
      string: '{"result":"updated"}'
    headers:
      X-Elastic-Product: [Elasticsearch]
      transfer-encoding: [chunked]
    status: {code: 200, message: OK}
- request:
    body: null
    headers: {}
    method: GET
    uri: https://example.org/other
  response:
    body: {string: hello}
    headers: {}
    status: {code: 200, message: OK}
version: 1
"#;

#[cfg(feature = "yaml")]
#[test]
fn a_cassette_of_vcrpy_is_read_and_masked() {
    let imported = import("f", VCRPY.as_bytes(), false).unwrap_or_else(|mistake| panic!("{mistake}"));
    assert_eq!((imported.left_out, imported.format), (1, "cassette"));
    let call = &imported.recording.interactions[0];
    assert_eq!(call.operation.as_deref(), Some("connector.sync_job_claim"));
    assert_eq!(call.request.headers().get("authorization"), Some("<redacted>"));
    assert_eq!(call.request.headers().get("host"), Some("localhost:[port]"));
    assert_eq!(call.response.headers().get("transfer-encoding"), None);
    let text = imported.recording.to_text();
    assert!(!text.contains("ZWxhc3RpYzpodW50ZXIy"), "{text}");
    assert_eq!(Recording::parse("again", text.as_bytes()).expect("a recording"), imported.recording);
    assert_eq!(import("f", VCRPY.as_bytes(), true).expect("a cassette").recording.interactions.len(), 2);
}

#[test]
fn cassettes_of_json_and_of_polly_are_read() {
    let vcrpy = r#"{"version":1,"interactions":[{"request":{"method":"GET","uri":"http://h:9200/_connector?from=1","body":null,"headers":{}},
        "response":{"status":{"code":200,"message":"OK"},"headers":{"content-type":["application/json"]},"body":{"base64_string":"e30="}}}]}"#;
    assert_eq!(calls(vcrpy), [expected("GET /_connector?from=1", "", 200, "{}")]);
    let polly = r#"{"log":{"_recordingName":"x","creator":{"name":"Polly.JS","version":"6"},"version":"1.2","entries":[
        {"_id":"1","_order":0,"request":{"bodySize":2,"cookies":[],"headers":[{"_fromType":"array","name":"content-type","value":"application/json"}],
        "method":"POST","url":"http://localhost:9200/x/_search","postData":{"mimeType":"application/json","params":[],"text":"{}"},"queryString":[]},
        "response":{"status":200,"headers":[],"content":{"mimeType":"application/json","size":2,"text":"{}"}},
        "startedDateTime":"2024-02-15T20:04:58.756Z","time":12.5},
        {"request":{"method":"GET","url":"http://localhost:9200/","headers":[]},"response":{"status":0,"headers":[]}}]}}"#;
    assert_eq!(calls(polly), [expected("POST /x/_search", "{}", 200, "{}")]);
    let imported = import("f", polly.as_bytes(), false).expect("a cassette");
    assert_eq!(imported.recording.interactions[0].took_us, 12_500);
    assert_eq!(imported.recording.header.started_at.to_string(), "2024-02-15T20:04:58.756Z");
}

#[test]
fn mappings_of_wiremock_are_read_as_far_as_they_are_calls() {
    let text = r#"{"mappings":[
        {"name":"claim","request":{"method":"PUT","url":"/_connector/_sync_job/j/_claim","bodyPatterns":[{"equalToJson":"{\"worker_hostname\":\"w\"}"}]},
         "response":{"status":200,"jsonBody":{"result":"updated"},"headers":{"X-Elastic-Product":"Elasticsearch"}}},
        {"name":"list","request":{"method":"GET","urlPath":"/_connector","queryParameters":{"from":{"equalTo":"1 2"}}},"response":{"body":"{}"}},
        {"name":"any","request":{"method":"GET","urlPathPattern":"/_connector/.*"},"response":{"status":404}},
        {"name":"gone","request":{"method":"GET","url":"/_connector"},"response":{"fault":"CONNECTION_RESET_BY_PEER"}}
    ]}"#;
    assert_eq!(
        calls(text),
        [
            expected(
                "PUT /_connector/_sync_job/j/_claim",
                r#"{"worker_hostname":"w"}"#,
                200,
                r#"{"result":"updated"}"#
            ),
            expected("GET /_connector?from=1%202", "", 200, "{}"),
        ]
    );
    let notes = import("f", text.as_bytes(), false).expect("mappings").notes;
    assert_eq!(
        notes,
        ["any is left out: it has a pattern in place of a path", "gone is left out: its answer is no answer of HTTP"]
    );
}

#[test]
fn what_a_har_of_ours_says_comes_back() {
    for file in ["claim_story", "full_sync"] {
        let path = format!("{}/fixtures/recordings/{file}.ndjson", env!("CARGO_MANIFEST_DIR"));
        let recording = Recording::parse(file, &std::fs::read(path).expect("a file")).expect("a recording");
        let text = har::write(&recording.interactions);
        let again = import("f", text.as_bytes(), false).expect("a HAR").recording;
        assert_eq!(again.interactions.len(), recording.interactions.len());
        for (was, is) in recording.interactions.iter().zip(&again.interactions) {
            assert_eq!((was.seq, was.at, &was.operation), (is.seq, is.at, &is.operation));
            assert_eq!((was.request.method(), was.request.target()), (is.request.method(), is.request.target()));
            assert_eq!(was.request.body(), is.request.body());
            assert_eq!((was.response.status(), was.response.body()), (is.response.status(), is.response.body()));
        }
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_a_cure() {
    for (text, place, what) in [
        ("{\"log\":\n {\"entries\":7}}", "f:2:13: /log/entries: this is no list", "as its tool has written it"),
        ("{\"log\":{}}", "f:1:8: /log: there is no [entries]", "as its tool has written it"),
        ("{\"log\":{\"entries\":[{\"request\":{}}]}}", "/log/entries/0: there is no [response]", "delete the entry"),
        (
            "{\"log\":{\"entries\":[{\"request\":{\"url\":\"x\",\"method\":\"GET\"},\"response\":{\"status\":200}}]}}",
            "/log/entries/0/request/url: this is no URL",
            "delete the entry",
        ),
        (
            "{\"log\":{\"entries\":[{\"request\":{\"url\":\"http://h/\",\"method\":\"G@T\"},\"response\":{\"status\":200}}]}}",
            "/log/entries/0/request/method: this is no method of HTTP",
            "such as GET",
        ),
        (
            "{\"interactions\":[{\"request\":{\"uri\":\"http://h/\",\"method\":\"G T\"},\"response\":{\"status\":{\"code\":200}}}]}",
            "/interactions/0/request/method: this is no method of HTTP",
            "such as GET",
        ),
        (
            "{\"mappings\":[{\"request\":{\"url\":\"_connector\"},\"response\":{}}]}",
            "/mappings/0/request/url: this is no path",
            "begin it with",
        ),
        (
            "{\"mappings\":[{\"request\":{\"url\":\"/a\",\"method\":\"G,T\"},\"response\":{}}]}",
            "/mappings/0/request/method: this is no method of HTTP",
            "such as GET",
        ),
        ("{\"a\":1}", "f:1:1: this is none of the formats that are known", "HAR"),
        (
            "#!/bin/sh\ncurl -H 'a: b' \"$url\"; echo\n\n: d: [\n",
            "f:1:1: this is none of the formats that are known",
            "HAR",
        ),
        ("{\"elastimock_recording\":1}\n{}\n", "f:1:1: this is a recording of elastimock already", "as it is"),
        ("{\"consumer\":{},\"provider\":{},\"interactions\":[]}", "f:1:1: this is a Pact", "HAR"),
        ("{\"log\":", "f:1:", "mend it there"),
        (
            "{\"interactions\":[{\"request\":{\"uri\":\"http://h/\",\"method\":\"GET\"},\"response\":{\"status\":{\"code\":7}}}]}",
            "this is no HTTP status",
            "from 100",
        ),
    ] {
        let told = import("f", text.as_bytes(), false).expect_err(text).to_string();
        assert!(told.contains(place) && told.contains(what), "{told}");
    }
}

#[cfg(feature = "yaml")]
#[test]
fn what_is_wrong_in_yaml_has_its_line() {
    let told = import("f", VCRPY.replacen("code: 200", "code: abc", 1).as_bytes(), false).expect_err("no status");
    assert_eq!((told.line, &*told.what), (16, "/interactions/0/response/status/code: this is no HTTP status"));
    assert!(import("f", b"interactions: [", false).is_err());
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n";
    assert!(import("f", bomb.as_bytes(), false).is_err());
}

proptest! {
    #[test]
    fn no_text_is_too_strange_to_be_refused(text: Vec<u8>, cut in any::<prop::sample::Index>(), put: u8) {
        let _ = import("f", &text, true);
        let mut damaged = VCRPY.as_bytes().to_vec();
        let at = cut.index(damaged.len());
        damaged[at] = put;
        if let Ok(imported) = import("f", &damaged, true) {
            let again = Recording::parse("again", imported.recording.to_text().as_bytes());
            prop_assert_eq!(again.map(|again| again.interactions.len()).ok(), Some(imported.recording.interactions.len()));
        }
    }
}
