//! Bytes that a server holds, counted by the allocator, with the whole server in this process.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use elastimock::MockServer;

use crate::calls;
use crate::heap::live_bytes;

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

fn server(jobs: usize) -> MockServer {
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

fn answering(server: &MockServer, claims: usize) {
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

/// How long others wait at most for the lock while something large is done, in microseconds: the least of some
/// rounds, for a busy machine adds to it.
pub fn longest_holds() -> Vec<(String, f64)> {
    const JOBS: usize = 50_000;
    const ROUNDS: usize = 3;
    let search = |server: &MockServer, path: &str, body: &str| {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
        let mut stream = connect(server);
        stream
            .write_all(format!("{head}connection: close\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes())
            .expect("a request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    };
    const SORTED: &str = r#"{"size":10,"sort":[{"created_at":"asc"}]}"#;
    let jobs = "/.elastic-connectors-sync-jobs";
    type Deed<'a> = (&'a str, Box<dyn Fn(&MockServer) + 'a>);
    let deeds: [Deed<'_>; 6] = [
        ("first_call", Box::new(|server| answering(server, 1))),
        ("state", Box::new(|server| drop(server.state().expect("a state").to_value()))),
        ("report", Box::new(|server| drop(server.findings()))),
        ("search_of_all", Box::new(|server| search(server, &format!("{jobs}/_search"), SORTED))),
        ("scroll_of_all", Box::new(|server| search(server, &format!("{jobs}/_search?scroll=1m"), SORTED))),
        ("point_in_time", Box::new(|server| search(server, &format!("{jobs}/_pit?keep_alive=1m"), ""))),
    ];
    let mut least = vec![f64::INFINITY; deeds.len()];
    for _ in 0..ROUNDS {
        let server = server(JOBS);
        for ((_, deed), least) in deeds.iter().zip(&mut least) {
            *least = least.min(longest_wait(&server, || deed(&server)));
        }
    }
    deeds.iter().zip(least).map(|((name, _), least)| (format!("us_longest_hold_{name}"), least)).collect()
}

/// How long somebody who asks for the time all along waits at most while something is done.
fn longest_wait(server: &MockServer, deed: impl FnOnce()) -> f64 {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !is_done.load(Ordering::Relaxed) {
                let begin = Instant::now();
                server.now();
                longest = longest.max(begin.elapsed());
                std::thread::sleep(Duration::from_micros(50));
            }
            longest
        });
        deed();
        is_done.store(true, Ordering::Relaxed);
        asking.join().expect("the one who asks").as_secs_f64() * 1e6
    })
}
