//! Bytes that a server holds, counted by the allocator, and how long others wait for it, with the whole server in this
//! process.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use elastimock::{Fixture, MockServer};

use crate::calls;
use crate::heap::{live_bytes, peak_bytes};

/// Each figure with its name.
pub fn measure() -> Vec<(String, f64)> {
    // What all servers share is there after the first: schemas, a runtime, the connection's end.
    for _ in 0..3 {
        answering(&server(1), 1);
    }
    // The runtime gives back what a closed socket took in batches, so a single server's share is a matter of luck.
    const SERVERS: usize = 64;
    let mut figures = Vec::new();
    let before = settled();
    let servers: Vec<MockServer> = (0..SERVERS).map(|_| server(1)).collect();
    let idle = settled();
    servers.iter().for_each(|server| answering(server, 1));
    let answered = settled();
    drop(servers);
    figures.push(("bytes_idle_server".to_owned(), (idle - before) as f64 / SERVERS as f64));
    figures.push(("bytes_after_one_claim".to_owned(), (answered - before) as f64 / SERVERS as f64));

    const CLAIMS: usize = 4_000;
    let many = server(CLAIMS + 1_000);
    answering(&many, 1_000);
    let before = settled();
    let mut stream = connect(&many);
    (1_000..1_000 + CLAIMS).for_each(|number| claim(&mut stream, number));
    drop(stream);
    figures.push(("bytes_kept_of_a_claim".to_owned(), (settled() - before) as f64 / CLAIMS as f64));
    drop(many);

    const JOBS: usize = 10_000;
    let before = settled();
    let large = server(JOBS);
    answering(&large, 1);
    figures.push(("bytes_of_a_waiting_job".to_owned(), (settled() - before) as f64 / JOBS as f64));
    figures
}

/// Megabytes that a server holds after a call with 50,000 connectors and as many jobs, the text that they came from included.
pub fn many() -> f64 {
    const COUNT: usize = 50_000;
    let before = settled();
    let fixture = Fixture::from_json(&calls::fixture_text_of(COUNT, COUNT)).expect("a fixture");
    let server = MockServer::builder().fixture(fixture).start_blocking().expect("a server");
    answering(&server, 1);
    (settled() - before) as f64 / 1e6
}

/// What large bodies take at most, in percent of their size.
pub fn peaks() -> Vec<(String, f64)> {
    let peak = |(name, method, path, body): (&str, &str, &str, Vec<u8>)| {
        let server = server(2);
        answering(&server, 1);
        settled();
        let peak = peak_bytes(|| drop(answer(&server, method, path, &body)));
        (format!("percent_at_most_of_{name}"), peak as f64 / body.len() as f64 * 100.0)
    };
    bodies().into_iter().map(peak).collect()
}

/// Large bodies, each with its name: a cursor of many texts, and what takes most memory for its size, in a single
/// value, which is refused, and in lines that are just light enough to be taken.
pub fn bodies() -> [(&'static str, &'static str, &'static str, Vec<u8>); 3] {
    const MB: usize = 1_000_000;
    let texts = format!(r#""{}","#, "x".repeat(1_000)).repeat(10 * MB / 1_003);
    let cursor = format!(r#"{{"worker_hostname":"w","sync_cursor":{{"texts":[{texts}""]}}}}"#);
    let zeros = format!(r#"{{"n":[{}0]}}"#, "0,".repeat(50 * MB));
    let line = format!("{{\"index\":{{\"_index\":\"docs\"}}}}\n{{\"n\":[{}0]}}\n", "123456789012,".repeat(1_000));
    let lines = line.repeat(100 * MB / line.len());
    [
        ("a_body_of_10_MB", "PUT", "/_connector/_sync_job/job-0000000000000001/_claim", cursor.into()),
        ("100_MB_of_zeros", "PUT", "/docs/_doc/1", zeros.into()),
        ("100_MB_of_lines_of_numbers", "POST", "/_bulk", lines.into()),
    ]
}

/// What a server answers to a call on a connection of its own.
pub fn answer(server: &MockServer, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let media = if path == "/_bulk" { "x-ndjson" } else { "json" };
    let length = body.len();
    let mut stream = connect(server);
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/{media}\r\n");
    stream
        .write_all(format!("{head}connection: close\r\ncontent-length: {length}\r\n\r\n").as_bytes())
        .and_then(|()| stream.write_all(body))
        .expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    answer
}

pub fn server(jobs: usize) -> MockServer {
    MockServer::builder().fixture(calls::fixture(jobs)).start_blocking().expect("a server")
}

/// The bytes in use once they have stopped changing.
fn settled() -> i64 {
    let (begin, mut last) = (Instant::now(), live_bytes());
    let mut same = 0;
    while same < 10 && begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
        let now = live_bytes();
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}

fn connect(server: &MockServer) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("a connection");
    stream.set_nodelay(true).expect("a connection");
    stream
}

pub fn answering(server: &MockServer, claims: usize) {
    let mut stream = connect(server);
    (0..claims).for_each(|number| claim(&mut stream, number));
}

fn claim(stream: &mut TcpStream, number: usize) {
    let body = r#"{"worker_hostname":"worker-1","sync_cursor":{"page":3}}"#;
    let head = format!(
        "PUT /_connector/_sync_job/job-{number:016}/_claim HTTP/1.1\r\nhost: localhost\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).expect("a request");
    let mut answer = [0; 4096];
    let mut length = 0;
    while !answer[..length].ends_with(b"}") {
        let read = stream.read(&mut answer[length..]).expect("an answer");
        assert!(read > 0, "the connection ended");
        length += read;
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..length]));
}

/// How long others wait at most for the lock while something large is done, in microseconds: the median of some
/// rounds. A busy machine adds to it, or lets the one who waits miss it.
pub fn longest_holds() -> Vec<(String, f64)> {
    const JOBS: usize = 50_000;
    const ROUNDS: usize = 5;
    let ask = |server: &MockServer, method: &str, path: &str, body: &str| {
        let answer = answer(server, method, path, body.as_bytes());
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    };
    let search = |server: &MockServer, path: &str, body: &str| ask(server, "POST", path, body);
    const SORTED: &str = r#"{"size":10,"sort":[{"created_at":"asc"}]}"#;
    let jobs = "/.elastic-connectors-sync-jobs";
    type Deed<'a> = (&'a str, Box<dyn Fn(&MockServer) + 'a>);
    let deeds: [Deed<'_>; 9] = [
        ("first_call", Box::new(|server| answering(server, 1))),
        ("state", Box::new(|server| drop(server.state().expect("a state").to_value()))),
        ("report", Box::new(|server| drop(server.findings()))),
        ("search_of_all", Box::new(|server| search(server, &format!("{jobs}/_search"), SORTED))),
        ("scroll_of_all", Box::new(|server| search(server, &format!("{jobs}/_search?scroll=1m"), SORTED))),
        ("list_of_one_status", Box::new(|server| ask(server, "GET", "/_connector/_sync_job?status=error", ""))),
        ("journal_page", Box::new(|server| ask(server, "GET", "/_elastimock/journal?limit=1000", ""))),
        ("point_in_time", Box::new(|server| search(server, &format!("{jobs}/_pit?keep_alive=1m"), ""))),
        (
            "deletion_of_a_connector_with_all_jobs",
            Box::new(|server| ask(server, "DELETE", "/_connector/docs?delete_sync_jobs=true", "")),
        ),
    ];
    let mut waits = vec![Vec::new(); deeds.len()];
    for _ in 0..ROUNDS {
        let server = server(JOBS);
        for ((_, deed), waits) in deeds.iter().zip(&mut waits) {
            waits.push(longest_wait(&server, || deed(&server)));
        }
    }
    let middle = |mut waits: Vec<f64>| {
        waits.sort_by(f64::total_cmp);
        waits[ROUNDS / 2]
    };
    deeds.iter().zip(waits).map(|((name, _), waits)| (format!("us_longest_hold_{name}"), middle(waits))).collect()
}

/// How long somebody who asks for the time all along waits at most while something is done.
fn longest_wait(server: &MockServer, deed: impl FnOnce()) -> f64 {
    let (is_asking, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !is_done.load(Ordering::Relaxed) {
                let begin = Instant::now();
                server.now();
                longest = longest.max(begin.elapsed());
                is_asking.store(true, Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(50));
            }
            longest
        });
        while !is_asking.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        deed();
        is_done.store(true, Ordering::Relaxed);
        asking.join().expect("the one who asks").as_secs_f64() * 1e6
    })
}
