//! Times of a server's life and what large bodies take, with the whole server in this process: what a busy machine makes
//! longer, or takes long, and so no part of the verdict.

use std::fs;
use std::time::{Duration, Instant};

use elastimock::{Fixture, MockServer};

use crate::{calls, kept};

/// Each figure with its name: microseconds, the median of some rounds, and what is left of all servers.
pub fn measure() -> Vec<(String, f64)> {
    const CYCLES: usize = 500;
    let cycle = || MockServer::builder().start_blocking().expect("a server");
    // What all servers share is there after the first.
    (0..10).for_each(|_| drop(cycle()));
    let (threads, files) = (entries("/proc/self/task"), entries("/proc/self/fd"));
    let start_and_drop = median(CYCLES, || elapsed(|| drop(cycle())));
    // The runtime closes what a dropped server had open on its own thread.
    std::thread::sleep(Duration::from_millis(200));
    let left = [("threads", threads, "/proc/self/task"), ("files", files, "/proc/self/fd")];
    let left = left.map(|(name, before, folder)| (format!("left_{name}"), entries(folder) as f64 - before as f64));

    const JOBS: usize = 100_000;
    let text = calls::fixture_text(JOBS);
    let ready = median(3, || {
        elapsed(|| {
            let fixture = Fixture::from_json(&text).expect("a fixture");
            let server = MockServer::builder().fixture(fixture).start_blocking().expect("a server");
            kept::answering(&server, 1);
            std::mem::forget(server);
        })
    });

    let (_, method, path, body) = kept::bodies().into_iter().next().expect("a body");
    let large = median(9, || {
        let server = kept::server(2);
        kept::answering(&server, 1);
        // The client is this thread, and what it takes is no part of it.
        let before = (cpu(libc::RUSAGE_SELF), cpu(libc::RUSAGE_THREAD));
        assert!(kept::answer(&server, method, path, &body).starts_with(b"HTTP/1.1 200"));
        (cpu(libc::RUSAGE_SELF) - before.0).saturating_sub(cpu(libc::RUSAGE_THREAD) - before.1)
    });
    let mut figures = vec![
        ("us_start_and_drop".to_owned(), start_and_drop),
        ("us_from_a_fixtures_text_of_100000_jobs_to_the_first_answer".to_owned(), ready),
        ("us_of_cpu_of_a_body_of_10_MB".to_owned(), large),
    ];
    figures.extend(left);
    figures.push(("MB_of_50000_connectors_and_as_many_jobs".to_owned(), kept::many()));
    figures.extend(kept::peaks());
    figures
}

fn entries(folder: &str) -> usize {
    fs::read_dir(folder).map(Iterator::count).unwrap_or_default()
}

fn elapsed(deed: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    deed();
    begin.elapsed()
}

/// Microseconds in the middle of some rounds.
fn median(rounds: usize, round: impl Fn() -> Duration) -> f64 {
    let mut all: Vec<Duration> = (0..rounds).map(|_| round()).collect();
    all.sort_unstable();
    all[rounds / 2].as_secs_f64() * 1e6
}

/// What this process or this thread has used of the processor.
fn cpu(whose: libc::c_int) -> Duration {
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    // SAFETY: the usage is a plain value that lives as long as the call that is given its address.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(whose, &mut usage);
        time(usage.ru_utime) + time(usage.ru_stime)
    }
}
