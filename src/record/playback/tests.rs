//! Which recorded call a request is, what a lost one is told, and that everything is served once.

use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;
use crate::profile::Profile;
use crate::record::recording::Header;
use crate::record::redact::KnownSecrets;

fn call(seq: u64, request: Request, status: u16) -> Interaction {
    let at = Timestamp::from_millis(1_900_000_000_000);
    Interaction {
        seq,
        at,
        operation: None,
        request,
        response: Response::new(status),
        findings: Vec::new(),
        took_us: 0,
        scope: None,
    }
}

fn recording(interactions: Vec<Interaction>) -> Recording {
    let started_at = Timestamp::from_millis(1_900_000_000_000);
    let header = Header {
        elastimock: "0".into(),
        profile: Profile::V9,
        es_version: None,
        license: Default::default(),
        visibility: Default::default(),
        is_clock_running: false,
        seed: 0,
        started_at,
        allowances: Vec::new(),
        scope: None,
        source: None,
        ignore: Vec::new(),
        state: Default::default(),
    };
    Recording { header, interactions, events: Vec::new(), cut_off: false, unknown: Vec::new() }
}

/// `PUT /path?query body`; the answers' statuses are 201, 202, …
fn request(line: &str) -> Request {
    let mut parts = line.splitn(3, ' ');
    let mut next = || parts.next().unwrap_or_default();
    Request::new(Method::new(next()), next()).with_body(next().to_owned())
}

fn playback(lines: &[&str]) -> Playback {
    let calls = lines.iter().zip(1_u16..).map(|(line, seq)| call(seq.into(), request(line), 200 + seq));
    Playback::new(recording(calls.collect()), PlayPolicy::default())
}

fn answer(playback: &mut Playback, request: &Request) -> Result<Response, PlaybackMiss> {
    playback.answer(request, request).map(|(response, _)| response)
}

/// The status of the answer; 0 if there is none.
fn status(playback: &mut Playback, line: &str) -> u16 {
    answer(playback, &request(line)).map_or(0, |response| response.status())
}

#[test]
fn the_same_call_is_known_in_another_spelling() {
    for (recorded, sent, is_same) in [
        ("GET /a", "GET /a", true),
        ("GET /a", "POST /a", false),
        ("GET /a", "GET /a/", false),
        ("GET /a", "GET /a?", true),
        ("GET /a%20b", "GET /a%20b", true),
        ("GET /%61", "GET /a", true),
        ("GET /a%2Fb", "GET /a/b", false),
        ("GET /a%2fb", "GET /a%2Fb", true),
        ("GET /a%252Fb", "GET /a%2Fb", false),
        ("GET /a%zz", "GET /a%zz", true),
        ("GET /?x=1&y=2", "GET /?y=2&x=1", true),
        ("GET /?x=1&x=2", "GET /?x=2&x=1", false),
        ("GET /?x=a+b", "GET /?x=a%20b", true),
        ("GET /?x=a%2Bb", "GET /?x=a+b", false),
        ("GET /?pretty", "GET /?pretty=", true),
        ("GET /?pretty", "GET /", false),
        ("GET /?a=%3Credacted%3E", "GET /?a=secret", true),
        ("GET /?a=%3Credacted%3E", "GET /", false),
        (r#"PUT / {"a":1,"b":[1,2]}"#, r#"PUT / { "b": [1, 2], "a": 1 }"#, true),
        (r#"PUT / {"a":1}"#, r#"PUT / {"a":1.0}"#, true),
        (r#"PUT / {"a":1}"#, r#"PUT / {"a":1.5}"#, false),
        (r#"PUT / {"a":1}"#, r#"PUT / {"a":"1"}"#, false),
        (r#"PUT / {"worker_hostname":"a"}"#, r#"PUT / {"worker_hostname":"b"}"#, true),
        (
            r#"PUT / {"doc":{"last_seen":"2026-11-27T07:30:00Z"}}"#,
            r#"PUT / {"doc":{"last_seen":"2031-01-01T00:00:00.1+01:00"}}"#,
            true,
        ),
        ("GET /?q=2026-11-27T07:30:00Z", "GET /?q=2031-01-01T00:00:00%2B01:00", true),
        ("GET /?if_seq_no=1", "GET /?if_seq_no=2", true),
        ("POST /a/_bulk {\"index\":{}}\n{\"a\":1}\n", "POST /a/_bulk {\"index\":{}}\n{\"a\":2}\n", false),
        (
            "POST /a/_bulk {\"index\":{\"_id\":\"1\"}}\n{\"a\":\"/x/y/a.txt\"}\n{\"delete\":{\"_id\":\"2\"}}\n",
            "POST /a/_bulk {\"delete\":{\"_id\":\"2\"}}\n{\"index\":{\"_id\":\"1\"}}\n{\"a\":\"/z/a.txt\"}\n",
            true,
        ),
        (r#"PUT / {"a":1e3}"#, r#"PUT / {"a":1000.0}"#, true),
        (r#"PUT / {"a":[1,2]}"#, r#"PUT / {"a":[2,1]}"#, false),
        (r#"PUT / {"a":null}"#, "PUT / {}", false),
        ("PUT / {}", "PUT /", false),
        (r#"PUT / {"a":"é"}"#, r#"PUT / {"a":"\u00e9"}"#, true),
        (r#"PUT / {"a":"<redacted>"}"#, r#"PUT / {"a":{"b":[7]}}"#, true),
        (r#"PUT / {"a":"<redacted>"}"#, r#"PUT / {"a":1,"b":2}"#, false),
        (r#"PUT / {"a":"<redacted>"}"#, "PUT / {}", false),
        ("POST / {}\n{\"a\":1,\"b\":2}\n", "POST / {}\n{\"b\":2,\"a\":1}\n", true),
        ("POST / {}\n{\"a\":\"<redacted>\"}\n", "POST / {}\n{\"a\":7}\n", true),
        ("POST / {}\n{\"a\":\"<redacted>\"}\n", "POST / {}\n{\"a\":7}", false),
        ("POST / {}\n{}\n", "POST / {}\n{}", false),
        ("POST / text", "POST / text", true),
        ("POST / text", "POST / text ", false),
        ("POST / {", "POST / {", true),
    ] {
        assert_eq!(status(&mut playback(&[recorded]), sent) == 201, is_same, "{recorded} and {sent}");
    }
}

#[test]
fn a_lane_is_served_in_order_and_lanes_in_any() {
    let mut playback = playback(&[
        "GET /a",
        "GET /b",
        "GET /a",
        "PUT /c {\"x\":1}",
        "PUT /c {\"x\":\"<redacted>\"}",
        "PUT /c {\"x\":1}",
    ]);
    assert_eq!((playback.served(), playback.total()), (0, 6));
    for (line, expected) in [
        ("GET /b", 202),
        ("GET /a", 201),
        ("PUT /c {\"x\":2}", 205),
        ("PUT /c {\"x\":1}", 204),
        ("GET /a", 203),
        ("GET /a", 203),
        ("PUT /c {\"x\":1}", 206),
        ("PUT /c {\"x\":1}", 0),
    ] {
        assert_eq!(status(&mut playback, line), expected, "{line}");
    }
    assert_eq!((playback.served(), playback.leftovers(true).count()), (6, 0));
    playback.begin_scope(None);
    assert_eq!(playback.leftovers(true).map(|call| call.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(status(&mut playback, "PUT /c {\"x\":1}"), 204);
    assert_eq!(status(&mut playback, "PUT /c {\"x\":1}"), 205, "a mask lets everything in, in its turn");
}

#[test]
fn a_lost_request_is_told_what_it_is_like() {
    let claim = |job: &str, worker: &str| format!("PUT /_connector/_sync_job/{job}/_claim {{\"worker\":\"{worker}\"}}");
    let recorded = [
        claim("job-1", "w-1"),
        claim("job-1", "w-1"),
        "GET /_connector?from=0&size=10".to_owned(),
        "POST /_bulk {}\n{\"a\":[1,{\"b\":2}]}\n".to_owned(),
        "PUT /_connector/crm/_error {\"error\":\"a\",\"x~/y\":1,\"n\":null,\"m\":1}".to_owned(),
        "GET /text plain".to_owned(),
    ];
    let mut playback = playback(&recorded.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(status(&mut playback, &recorded[0]), 201);
    assert_eq!(status(&mut playback, &recorded[1]), 202);
    assert_eq!(status(&mut playback, &recorded[5]), 206);
    playback.policy.exhausted = Exhausted::Once;
    let long = format!("GET /text {}", "é".repeat(500));
    let shown = format!("the nearest, call 6, differs in body: recorded \"plain\", sent \"{}…", "é".repeat(119));
    for (sent, nearest, expected) in [
        (&*claim("job-1", "w-1"), 2, "it was recorded 2 times (calls 1, 2), and all these answers have been given"),
        ("GET /text plain", 6, "it was recorded once (call 6), and that answer has been given"),
        (&claim("job-1", "w-2"), 2, "the nearest, call 2, differs in body /worker: recorded \"w-1\", sent \"w-2\""),
        (
            "PUT /_connector/_sync_job/job-1/_claim",
            2,
            "the nearest, call 2, differs in body: recorded {\"worker\":\"w-1\"}, sent nothing",
        ),
        (
            &claim("job-7", "w-1"),
            2,
            "no recorded call has this path; the nearest is call 2, PUT /_connector/_sync_job/job-1/_claim",
        ),
        ("POST /_connector/_sync_job/job-1/_claim", 2, "this path was recorded with PUT only (call 2)"),
        (
            "PUT /_connector/_sync_job/job-1/_claims",
            2,
            "no recorded call has this path; the nearest is call 2, PUT /_connector/_sync_job/job-1/_claim",
        ),
        (
            "GET /_connector?size=20&pretty",
            3,
            "the nearest, call 3, differs in query from: recorded \"0\", sent nothing; query pretty: recorded nothing, sent \"\"; query size: recorded \"10\", sent \"20\"",
        ),
        (
            "POST /_bulk {}\n{\"a\":[1,{\"b\":3}]}\n",
            4,
            "the nearest, call 4, differs in body /1/a/1/b: recorded 2, sent 3",
        ),
        (
            "POST /_bulk {}\n",
            4,
            "the nearest, call 4, differs in body /1: recorded {\"a\":[1,{\"b\":2}]}, sent nothing",
        ),
        (
            "POST /_bulk {}\n{\"a\":[1,{\"b\":2}]}",
            4,
            "the nearest, call 4, differs in the line end after the last line of its body",
        ),
        (
            "PUT /_connector/crm/_error {\"error\":[],\"x~/y\":2,\"z\":0,\"m\":1}",
            5,
            "the nearest, call 5, differs in body /error: recorded \"a\", sent []; body /x~0~1y: recorded 1, sent 2; body /n: recorded null, sent nothing; and in more",
        ),
        (&long, 6, &shown),
        ("GET /zzzzzzzzzzzzzzzzzzzzz", 0, "no recorded call is like it"),
    ] {
        let miss = answer(&mut playback, &request(sent)).expect_err(sent);
        assert_eq!(miss.reason, expected, "{sent}");
        assert_eq!(miss.nearest.and_then(|nearest| nearest.recorded_seq).unwrap_or(0), nearest, "{sent}");
    }
    let miss = answer(&mut Playback::new(recording(Vec::new()), PlayPolicy::default()), &request("GET /"))
        .expect_err("nothing was recorded");
    assert_eq!((&*miss.reason, miss.nearest), ("the recording has no calls at all", None));
}

#[test]
fn what_is_told_of_a_request_is_masked() {
    let mut playback = playback(&["PUT /a {\"x\":1,\"api_key\":\"<redacted>\"}", "GET /?api_key=%3Credacted%3E"]);
    for sent in
        ["PUT /a {\"x\":2,\"api_key\":\"hunter2\"}", "PUT /a {\"x\":1,\"encoded\":\"hunter2\"}", "GET /?token=hunter2"]
    {
        let sent = request(sent);
        let mask = KnownSecrets::default().mask(None, &sent, true, false);
        let miss = playback.answer(&sent, mask.over(&sent)).expect_err("not recorded");
        assert!(!format!("{miss:?}").contains("hunter2"), "{miss:?}");
    }
}

#[test]
fn the_framing_of_an_answer_fits_its_body() {
    let mut interaction = call(1, request("GET /"), 200);
    let mut headers = Headers::new();
    for (name, value) in
        [("x-elastic-product", "Elasticsearch"), ("content-length", "999"), ("transfer-encoding", "chunked")]
    {
        headers.push(name, value);
    }
    interaction.response.headers = headers;
    interaction.response.body = "{}".into();
    let mut head = Interaction { seq: 2, request: request("HEAD /"), ..interaction.clone() };
    head.response.body = Default::default();
    let mut playback = Playback::new(recording(vec![interaction, head]), PlayPolicy::default());
    for (line, expected) in [("GET /", "2"), ("HEAD /", "999")] {
        let response = answer(&mut playback, &request(line)).expect("recorded");
        let lines: Vec<_> = response.headers().iter().collect();
        assert_eq!(lines, [("x-elastic-product", "Elasticsearch"), ("content-length", expected)]);
    }
}

#[test]
fn deep_bodies_and_long_recordings_are_no_trouble() {
    let deep = format!("PUT / {}7{}", "[".repeat(1000), "]".repeat(1000));
    let other = deep.replace('7', "8");
    let mut playback = playback(&[&deep]);
    assert!(answer(&mut playback, &request(&other)).is_err());
    assert_eq!(status(&mut playback, &deep), 201);

    let calls =
        (0..3000).map(|at| call(at + 1, request(&format!("PUT /job-{at}/x/{} {{\"at\":{}}}", at % 7, at / 2)), 200));
    let mut playback = Playback::new(recording(calls.collect()), PlayPolicy::default());
    let miss = answer(&mut playback, &request("PUT /job-77/x {}")).expect_err("no such call");
    assert_eq!(miss.reason, "no recorded call has this path; the nearest is call 78, PUT /job-77/x/0");
}

fn any_call() -> impl Strategy<Value = (String, u8)> {
    let line = prop::sample::select(vec![
        "GET /a",
        "GET /b?x=1&y=2",
        "PUT /a {\"a\":1,\"b\":2}",
        "PUT /a {\"a\":2}",
        "POST /b {}\n{\"a\":1}\n",
        "POST /b text",
    ]);
    (line.prop_map(str::to_owned), any::<u8>())
}

/// The same call in another spelling.
fn respelt(line: &str) -> String {
    line.replace("x=1&y=2", "y=2&x=%31").replace("{\"a\":1,\"b\":2}", "{ \"b\": 2, \"a\": 1 }")
}

/// A playback of calls of one job, with that policy.
fn job_story(order: PlayOrder, exhausted: Exhausted) -> Playback {
    let lines = [
        "GET /_connector/_sync_job/j",
        "PUT /_connector/_sync_job/j/_claim {}",
        "GET /_connector/_sync_job/j",
        "PUT /_connector/_sync_job/j/_check_in",
        "GET /_connector/_sync_job/j",
        "PUT /_connector/_sync_job/j/_stats {}",
        "GET /_connector/_sync_job/k",
        "GET /_connector/_sync_job/j",
    ];
    let Playback { recording, .. } = playback(&lines);
    Playback::new(recording, PlayPolicy { order, exhausted, ..PlayPolicy::default() })
}

/// What is sent, in short, and the number of the recorded call that answers; 0 if none does.
fn answered(playback: &mut Playback, story: &str) -> Vec<u16> {
    let line = |word: char| match word {
        'g' => "GET /_connector/_sync_job/j",
        'k' => "GET /_connector/_sync_job/k",
        'c' => "PUT /_connector/_sync_job/j/_claim {}",
        'i' => "PUT /_connector/_sync_job/j/_check_in",
        _ => "PUT /_connector/_sync_job/j/_stats {}",
    };
    story.chars().map(|word| status(playback, line(word)).saturating_sub(200)).collect()
}

#[test]
fn each_order_has_its_own_freedom() {
    use Exhausted::{Loop, Once, RepeatReads};
    use PlayOrder::{Any, Lane, Strict};
    for (order, exhausted, story, expected) in [
        (Strict, RepeatReads, "gcgigskg", vec![1, 2, 3, 4, 5, 6, 7, 8]),
        (Strict, RepeatReads, "gcs", vec![1, 2, 0]),
        (Strict, RepeatReads, "gg", vec![1, 0]),
        (Strict, RepeatReads, "gcgigskgg", vec![1, 2, 3, 4, 5, 6, 7, 8, 8]),
        (Strict, Once, "gcgigskgg", vec![1, 2, 3, 4, 5, 6, 7, 8, 0]),
        (Any, RepeatReads, "sicgggggkk", vec![6, 4, 2, 1, 3, 5, 8, 8, 7, 7]),
        (Any, Once, "sscggggg", vec![6, 0, 2, 1, 3, 5, 8, 0]),
        (Any, Loop, "cckgggggs", vec![2, 2, 7, 1, 3, 5, 8, 1, 6]),
        // A read before the claim tells of the job before the claim, however often it is asked.
        (Lane, RepeatReads, "gggcgggggsgg", vec![1, 1, 1, 2, 3, 5, 5, 5, 5, 6, 8, 8]),
        // Heartbeats come when they come, and what was recorded before a write may be passed over.
        (Lane, RepeatReads, "cgsg", vec![2, 3, 6, 8]),
        (Lane, RepeatReads, "ciiigsi", vec![2, 4, 4, 4, 3, 6, 4]),
        (Lane, RepeatReads, "ksc", vec![7, 0, 2]),
        (Lane, RepeatReads, "cc", vec![2, 0]),
        (Lane, Once, "ggg", vec![1, 3, 5]),
    ] {
        let mut playback = job_story(order, exhausted);
        assert_eq!(answered(&mut playback, story), expected, "{order:?} {exhausted:?} {story}");
    }
    let mut playback = job_story(Lane, RepeatReads);
    let miss = answer(&mut playback, &request("PUT /_connector/_sync_job/j/_stats {}")).expect_err("too early");
    let expected = "it is recorded call 6, and call 2 of the same job or connector, PUT /_connector/_sync_job/j/_claim, \
                    comes before it and has not come";
    assert_eq!(miss.reason, expected);
}

#[test]
fn a_poll_is_not_told_what_another_client_has_yet_to_do() {
    let told = [
        ("curl", "PUT /_connector/c {}", "{}"),
        ("service", "GET /_connector/_sync_job", "none"),
        ("curl", "POST /_connector/_sync_job {\"id\":\"c\"}", r#"{"id":"j"}"#),
        ("service", "GET /_connector/_sync_job", "one"),
        ("curl", "GET /_connector/_sync_job/j", "pending"),
        ("service", "PUT /_connector/_sync_job/j/_claim {}", "{}"),
        ("service", "GET /_connector/_sync_job", "none again"),
        ("curl", "GET /_connector/_sync_job/j", "running"),
        ("service", "PUT /_connector/_sync_job/j/_stats {}", "{}"),
        ("curl", "GET /_connector/_sync_job/j", "counted"),
    ];
    let calls = told.iter().zip(1..).map(|((client, line, answer), seq)| {
        let mut call = call(seq, request(line).header("user-agent", client), 200);
        call.response.body = (*answer).into();
        call
    });
    let recording = recording(calls.collect());
    let ask = |playback: &mut Playback, at: usize| {
        let (client, line, _) = told[at - 1];
        answer(playback, &request(line).header("user-agent", client))
            .map_or_else(|miss| miss.reason, |it| it.text().into())
    };
    let (poll, look) = (2, 5);
    let mut playback = Playback::new(recording.clone(), PlayPolicy::default());
    let story = [1, poll, poll, poll, 3, poll, look, look, look, 6, poll, poll, look, look, look, 9, look, look];
    let heard = story.map(|at| ask(&mut playback, at));
    let expected = [
        "{}",
        "none",
        "none",
        "none",
        r#"{"id":"j"}"#,
        "one",
        "pending",
        "pending",
        "pending",
        "{}",
        "none again",
        "none again",
        "running",
        "running",
        "running",
        "{}",
        "counted",
        "counted",
    ];
    assert_eq!(heard, expected);
    assert_eq!(playback.leftovers(true).count(), 0);
    // Nobody waits for a client that is not there, nor for what it has passed over.
    let mut playback = Playback::new(recording.clone(), PlayPolicy::default());
    assert_eq!([poll, poll, 6].map(|at| ask(&mut playback, at)), ["none", "one", "{}"]);
    let mut playback = Playback::new(recording, PlayPolicy { exhausted: Exhausted::Once, ..PlayPolicy::default() });
    assert_eq!([1, poll, poll, poll].map(|at| ask(&mut playback, at)), ["{}", "none", "one", "none again"]);
}

/// A user looks at what a service works at.
fn polled_story() -> (Vec<(&'static str, &'static str, &'static str)>, Recording) {
    let told = vec![
        ("user", "GET /_connector/_sync_job/j", "pending"),
        ("service", "PUT /_connector/_sync_job/j/_claim {\"worker_hostname\":\"w\",\"sync_cursor\":1}", "{}"),
        ("user", "GET /_connector/_sync_job/j", "running"),
        ("service", "PUT /_connector/_sync_job/j/_stats {\"deleted_document_count\":1}", "{}"),
        ("user", "GET /_connector/_sync_job/j", "counted"),
        ("service", "GET /_connector/c", "here"),
    ];
    let calls = told.iter().zip(1..).map(|((client, line, answer), seq)| {
        let mut call = call(seq, request(line).header("user-agent", client), 200);
        call.response.body = (*answer).into();
        call
    });
    let recording = recording(calls.collect());
    (told, recording)
}

#[test]
fn nobody_waits_for_a_write_that_came_otherwise() {
    let (told, recording) = polled_story();
    let look = ("user", told[0].1);
    let ask = |playback: &mut Playback, (client, line): (&str, &str)| {
        answer(playback, &request(line).header("user-agent", client))
            .map_or_else(|_| "unmatched".to_owned(), |it| it.text().into())
    };
    let own = ("service", told[5].1);
    let other_claim = ("service", "PUT /_connector/_sync_job/j/_claim {\"worker_hostname\":\"w\",\"sync_cursor\":2}");
    let other_job = ("service", "PUT /_connector/_sync_job/k/_claim {\"worker_hostname\":\"w\"}");
    let too_early = ("service", told[3].1);
    for unmatched in [OnUnmatched::Fail, OnUnmatched::Mock, OnUnmatched::Upstream] {
        for stray in [other_claim, other_job] {
            let mut playback = Playback::new(recording.clone(), PlayPolicy { unmatched, ..PlayPolicy::default() });
            // The service plays along as soon as it has made a call.
            assert_eq!(ask(&mut playback, own), "here");
            let heard = [look, look, stray, look, look, stray, look].map(|call| ask(&mut playback, call));
            let expected = ["pending", "pending", "unmatched", "running", "running", "unmatched", "counted"];
            assert_eq!(heard, expected, "{unmatched:?} {stray:?}");
        }
        let mut playback = Playback::new(recording.clone(), PlayPolicy { unmatched, ..PlayPolicy::default() });
        assert_eq!(ask(&mut playback, own), "here");
        let heard = [look, too_early, look, look].map(|call| ask(&mut playback, call));
        assert_eq!(heard, ["pending", "unmatched", "running", "counted"], "{unmatched:?}");
    }
    // A write that another one has answered is done: the client goes on behind it. One that was refused is not.
    for (unmatched, expected) in [(OnUnmatched::Mock, "{}"), (OnUnmatched::Fail, "unmatched")] {
        let mut playback = Playback::new(recording.clone(), PlayPolicy { unmatched, ..PlayPolicy::default() });
        let heard = [other_claim, ("service", told[3].1)].map(|call| ask(&mut playback, call));
        assert_eq!(heard, ["unmatched", expected], "{unmatched:?}");
    }
    // What came, and comes again, stands for nothing else.
    let mut playback = Playback::new(recording, PlayPolicy::default());
    let claim = ("service", told[1].1);
    let heard = [look, claim, claim, look, look].map(|call| ask(&mut playback, call));
    assert_eq!(heard, ["pending", "{}", "unmatched", "running", "running"]);
}

#[test]
fn what_others_did_in_earlier_scopes_keeps_no_poll_waiting_nor_lets_it_go_ahead() {
    let (told, once) = polled_story();
    let mut twice = once.clone();
    let reset =
        Change::Reset { scope: None, started_at: once.header.started_at, state: None, forget: false, source: None };
    twice.events.push(Event { seq: 7, at: once.header.started_at, change: reset });
    twice.interactions.extend(once.interactions.iter().cloned().map(|call| Interaction { seq: call.seq + 7, ..call }));
    let mut playback = Playback::new(twice, PlayPolicy::default());
    playback.begin_scope(None);
    let ask = |playback: &mut Playback, at: usize| {
        let (client, line, _) = told[at - 1];
        answer(playback, &request(line).header("user-agent", client))
            .map_or_else(|_| "unmatched".to_owned(), |it| it.text().into())
    };
    let heard = [6, 1, 1, 1, 2, 1, 1, 4, 1].map(|at| ask(&mut playback, at));
    assert_eq!(heard, ["here", "pending", "pending", "pending", "{}", "running", "running", "{}", "counted"]);
}

#[test]
fn an_answer_with_a_mask_is_told() {
    let mut made = call(1, request("POST /_security/api_key {\"name\":\"n\"}"), 200);
    made.response.body = r#"{"id":"k","api_key":"<redacted>"}"#.into();
    let mut playback = Playback::new(recording(vec![made, call(2, request("GET /a"), 200)]), PlayPolicy::default());
    for (line, expected) in [
        ("POST /_security/api_key {\"name\":\"n\"}", Some("is recorded call 1; told <redacted> in place of a secret")),
        ("GET /a", None),
    ] {
        let sent = request(line);
        let (_, taken) = playback.answer(&sent, &sent).expect("an answer");
        assert_eq!(taken.note.map(|note| note.text()).as_deref(), expected, "{line}");
    }
    assert_eq!(playback.played().masked, 1);
    assert_eq!(playback.played().aside(), ", 1 told <redacted> in place of a secret");
}

#[test]
fn what_was_passed_over_is_told() {
    let mut playback = playback(&[
        "PUT /_connector/_sync_job/j/_claim {\"worker_hostname\":\"laptop\"}",
        "POST /.elastic-connectors-sync-jobs/_update/j {\"doc\":{\"last_seen\":\"2026-11-27T07:30:00.123456+00:00\",\"n\":1}}",
    ]);
    let mut note = |line: &str| {
        let sent = request(line);
        playback.answer(&sent, &sent).map(|(_, taken)| taken.note.map(|note| note.text())).map_err(|miss| miss.reason)
    };
    let claim = note("PUT /_connector/_sync_job/j/_claim {\"worker_hostname\":\"ci-17\"}");
    let expected = "is recorded call 1; passed over body /worker_hostname: recorded \"laptop\", sent \"ci-17\"";
    assert_eq!(claim, Ok(Some(expected.to_owned())));
    let other =
        "POST /.elastic-connectors-sync-jobs/_update/j {\"doc\":{\"last_seen\":\"2031-01-01T00:00:00Z\",\"n\":2}}";
    assert_eq!(note(other), Err("the nearest, call 2, differs in body /doc/n: recorded 1, sent 2".to_owned()));
    let expected = "is recorded call 2; passed over body /doc/last_seen: recorded \"2026-11-27T07:30:00.123456+00:00\", \
                    sent \"2031-01-01T00:00:00Z\"";
    assert_eq!(note(&other.replace(":2}", ":1}")), Ok(Some(expected.to_owned())));
    let played = playback.played();
    assert_eq!((played.served, played.differing, played.repeated), (2, 2, 0));
    assert_eq!(played.places(), [("body /doc/last_seen", 1), ("body /worker_hostname", 1)]);
}

#[test]
fn strict_values_count_and_recorded_headers_with_them() {
    let recorded = request("PUT /a {\"worker_hostname\":\"w\",\"n\":1,\"x\":1}")
        .header("content-type", "application/json")
        .header("x-team", "one")
        .header("user-agent", "curl");
    let policy = PlayPolicy {
        strict_values: true,
        ignore: vec!["/x".to_owned()],
        ignore_headers: vec!["X-Team".to_owned()],
        exhausted: Exhausted::Loop,
        ..PlayPolicy::default()
    };
    let mut playback = Playback::new(recording(vec![call(1, recorded, 201)]), policy);
    for (sent, expected) in [
        (request("PUT /a {\"n\":1,\"worker_hostname\":\"w\"}").header("content-type", "application/json"), None),
        (
            request("PUT /a {\"n\":1,\"worker_hostname\":\"w\"}"),
            Some("the nearest, call 1, differs in header content-type: recorded \"application/json\", sent nothing"),
        ),
        (
            request("PUT /a {\"n\":1.0,\"worker_hostname\":\"v\"}").header("content-type", "application/json"),
            Some(
                "the nearest, call 1, differs in body /worker_hostname: recorded \"w\", sent \"v\"; body /n: recorded 1, sent 1.0",
            ),
        ),
    ] {
        let told = answer(&mut playback, &sent).err().map(|miss| miss.reason);
        assert_eq!(told.as_deref(), expected, "{sent:?}");
    }
}

#[test]
fn calls_that_differ_in_a_header_that_counts_are_each_found() {
    let of = |team: &str| request("GET /a").header("x-team", team);
    let of_two = || of("two").header("x-team", "three");
    let calls = vec![call(1, of("one"), 201), call(2, of("two"), 202), call(3, of("one"), 203), call(4, of_two(), 204)];
    let policy = PlayPolicy { strict_values: true, exhausted: Exhausted::Once, ..PlayPolicy::default() };
    let mut playback = Playback::new(recording(calls.clone()), policy);
    for (sent, status) in [(of_two(), 204), (of("two"), 202), (of("one"), 201), (of("one"), 203)] {
        assert_eq!(answer(&mut playback, &sent).map(|response| response.status()), Ok(status), "{sent:?}");
    }
    let told = answer(&mut playback, &of("four")).expect_err("nobody of that team");
    assert!(told.reason.contains("in header x-team: recorded "), "{}", told.reason);
    // Where header lines do not count, they are one call that came four times.
    let mut playback = Playback::new(recording(calls), PlayPolicy::default());
    let statuses = ["five", "six", "seven", "eight"].map(|team| answer(&mut playback, &of(team)).map(|it| it.status()));
    assert_eq!(statuses, [201, 202, 203, 204].map(Ok));
}

#[test]
fn a_bulk_that_comes_otherwise_gets_its_own_ids_back() {
    let item = |id: &str| format!(r#"{{"index":{{"_id":"{id}","status":201}}}}"#);
    let (a, b) = ("be6799f28261f41622a598cb733dbcd4", "f625c825bcea5398f96143768f90b628");
    let (c, d) = ("00000000000000000000000000000001", "00000000000000000000000000000002");
    let lines = |files: [(&str, &str); 2]| {
        let of = |(id, file): (&str, &str)| {
            format!("{{\"index\":{{\"_index\":\"x\",\"_id\":\"{id}\"}}}}\n{{\"path\":\"{file}\",\"id\":\"{id}\"}}\n")
        };
        format!("PUT /_bulk {}", files.map(of).concat())
    };
    let mut bulk = call(1, request(&lines([(a, "/tmp/notes/a.txt"), (b, "/tmp/notes/b.txt")])), 200);
    bulk.response.body = format!(r#"{{"errors":false,"items":[{},{}]}}"#, item(a), item(b)).into();
    let mut get = call(2, request(&format!("GET /x/_doc/{a}")), 200);
    get.response.body = format!(r#"{{"_id":"{a}"}}"#).into();
    let mut playback = Playback::new(recording(vec![bulk, get]), PlayPolicy::default());
    let sent = request(&lines([(c, "/home/me/b.txt"), (d, "/home/me/a.txt")]));
    let told = answer(&mut playback, &sent).expect("the same bulk");
    assert_eq!(told.text(), format!(r#"{{"errors":false,"items":[{},{}]}}"#, item(c), item(d)));
    let told = answer(&mut playback, &request(&format!("GET /x/_doc/{d}"))).expect("the same document");
    assert_eq!(told.text(), format!(r#"{{"_id":"{d}"}}"#));
}

#[test]
fn the_nearest_call_can_answer() {
    let Playback { recording, .. } = playback(&["PUT /a {\"x\":1}", "PUT /a {\"x\":1,\"y\":2}"]);
    let policy = PlayPolicy { unmatched: OnUnmatched::Nearest, ..PlayPolicy::default() };
    let mut playback = Playback::new(recording, policy);
    let told = answer(&mut playback, &request("PUT /a {\"x\":3,\"y\":2}")).expect("something near");
    assert_eq!((told.status(), told.headers().get("x-elastimock-played")), (202, Some("nearest; recorded call 2")));
    assert!(answer(&mut playback, &request("PUT /b {}")).is_err());
    assert_eq!(playback.played().nearest, 1);
}

proptest! {
    #[test]
    fn any_order_that_keeps_the_lanes_serves_everything_once(calls in prop::collection::vec(any_call(), 0..40)) {
        let lines: Vec<&str> = calls.iter().map(|(line, _)| &**line).collect();
        let mut playback = playback(&lines);
        // Lanes are mixed by chance: each call keeps its place within its lane only.
        let mut order: Vec<usize> = (0..calls.len()).collect();
        order.sort_by_key(|call| calls[*call].1);
        let mut lanes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        (0..calls.len()).rev().for_each(|call| lanes.entry(lines[call]).or_default().push(call));
        for (served, call) in order.into_iter().enumerate() {
            prop_assert_eq!(playback.served(), served);
            let expected = lanes.get_mut(lines[call]).and_then(Vec::pop).expect("one for each");
            let sent = request(&respelt(lines[call]));
            let interaction = playback.serve(&sent, &sent).map(|call| call.seq);
            prop_assert_eq!(interaction.map_err(|miss| miss.reason), Ok(expected as u64 + 1));
        }
        prop_assert_eq!(playback.leftovers(true).count(), 0);
        for line in &lines {
            let is_read = line.starts_with("GET");
            prop_assert_eq!(answer(&mut playback, &request(line)).is_ok(), is_read);
        }
    }

    #[test]
    fn no_request_is_too_strange_to_be_lost(target in "/\\PC{0,8}(\\?\\PC{0,8})?", body: Vec<u8>, other: Vec<u8>) {
        let recorded = Request::new(Method::Put, &*target).with_body(body);
        let mut playback = Playback::new(recording(vec![call(1, recorded.clone(), 200)]), PlayPolicy::default());
        let sent = recorded.clone().with_body(other);
        let _ = answer(&mut playback, &sent);
        let _ = answer(&mut playback, &Request::new(Method::Put, format!("{target}x")));
        playback.begin_scope(None);
        prop_assert!(answer(&mut playback, &recorded).is_ok());
        prop_assert!(answer(&mut playback, &recorded).is_err());
    }
}
