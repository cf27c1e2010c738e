//! elastimock's polls of connectors and jobs, with nothing beside them and with a large content index.
//! The others have no searches.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::Plan;
use crate::client;
use crate::contender::median;
use crate::elastimock_contender::NAME;
use crate::process::{Running, contender};
use crate::report::{Report, Row, Unit, at_most, thousands};
use crate::{Result, sys};

const SIZES: [usize; 2] = [0, 100_000];
const JOBS: usize = 100;
/// Documents of one bulk request.
const BATCH: usize = 10_000;

const CONNECTORS: (&str, &str) = (
    "/.elastic-connectors/_search?expand_wildcards=hidden",
    r#"{"from":0,"size":100,"seq_no_primary_term":true,"query":{"bool":{"must_not":[{"term":{"deleted":true}}],"filter":[{"terms":{"_id":["docs"]}}]}}}"#,
);
const WORK: (&str, &str) = (
    "/.elastic-connectors-sync-jobs/_search?expand_wildcards=hidden",
    r#"{"from":0,"size":100,"seq_no_primary_term":true,"sort":[{"created_at":"asc"}],"query":{"bool":{"must":[{"terms":{"status":["pending","suspended"]}},{"terms":{"connector.id":["docs"]}},{"terms":{"job_type":["full","incremental"]}}]}}}"#,
);
const IDLE: (&str, &str) = (
    "/.elastic-connectors-sync-jobs/_search?expand_wildcards=hidden",
    r#"{"from":0,"size":100,"seq_no_primary_term":true,"query":{"bool":{"filter":[{"terms":{"connector.id":["docs"]}},{"terms":{"status":["in_progress","canceling"]}},{"range":{"last_seen":{"lte":"now-300s"}}}]}}}"#,
);
const WRITE: (&str, &str) = ("/search-docs/_doc/1", r#"{"path":"/docs/1.txt","size":1,"title":"Document number 1"}"#);
const UPDATE: (&str, &str) = ("/.elastic-connectors/_update/docs", r#"{"doc":{"status":"connected","error":null}}"#);

/// Rows of the CPU time of each call for each size, and of what a document takes.
pub fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    if !plan.names.contains(&NAME) {
        return Ok(());
    }
    let rounds = plan.count(3, 7);
    let calls = plan.count(100, 400);
    let mut servers = Vec::new();
    for documents in SIZES {
        let running = Running::start(contender(&plan.programs.release, NAME, "serve", JOBS), &plan.server)?;
        let before = sys::holdings(Some(running.id()))?.rss_bytes;
        let cpu_before = running.cpu_time()?;
        for batch in 0..documents / BATCH {
            client::call(running.address, &bulk(running.address, batch * BATCH))?;
            // What the journal remembers of it is not the document.
            client::call(running.address, &request(running.address, "DELETE", "/_elastimock/journal", "", ""))?;
        }
        let cpu = running.cpu_time()?.saturating_sub(cpu_before);
        let bytes = sys::holdings(Some(running.id()))?.rss_bytes as f64 - before as f64;
        servers.push((documents, running, cpu.as_secs_f64(), bytes));
    }
    for (what, (path, body)) in [
        ("a poll of connectors", CONNECTORS),
        ("a poll of waiting jobs", WORK),
        ("a poll of idle jobs", IDLE),
        ("an update by id", UPDATE),
        ("a write by id", WRITE),
    ] {
        let mut samples = vec![Vec::new(); servers.len()];
        for _ in 0..rounds {
            for ((_, running, ..), samples) in servers.iter().zip(&mut samples) {
                let request = request(running.address, "POST", path, "application/json", body);
                let before = running.cpu_time()?;
                for _ in 0..calls {
                    client::call(running.address, &request)?;
                }
                let cpu = running.cpu_time()?.saturating_sub(before);
                samples.push(cpu.as_secs_f64() * 1e6 / calls as f64);
            }
        }
        let figures: Vec<f64> = samples.into_iter().map(median).collect();
        for (documents, figure) in SIZES.iter().zip(&figures) {
            let label = format!("{what}, {} documents beside", thousands(*documents as f64));
            report.row(Row::new(&label, Unit::Micros).with(NAME, *figure));
        }
        let ratio = figures[1] / figures[0];
        let label = format!("{what}: times that without documents");
        report.row(Row::new(&label, Unit::Times).with(NAME, ratio));
        report.target(&label, Unit::Times, Some(ratio), at_most(1.1, None));
    }
    if let Some((documents, _, cpu_s, bytes)) = servers.last() {
        let each = |whole: f64| whole / *documents as f64;
        report.row(Row::new("a document of a bulk: server CPU time", Unit::Micros).with(NAME, each(cpu_s * 1e6)));
        report.row(Row::new("a stored document: resident memory", Unit::Bytes).with(NAME, each(*bytes)));
    }
    Ok(())
}

fn request(address: SocketAddr, method: &str, path: &str, kind: &str, body: &str) -> Vec<u8> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n", body.len());
    if !kind.is_empty() {
        write!(request, "Content-Type: {kind}\r\n").expect("writing to a string");
    }
    request.push_str("\r\n");
    request.push_str(body);
    request.into_bytes()
}

/// Ten thousand small documents, counted from `first`, in one request.
fn bulk(address: SocketAddr, first: usize) -> Vec<u8> {
    let mut lines = String::with_capacity(BATCH * 200);
    for number in first..first + BATCH {
        write!(
            lines,
            "{{\"index\":{{\"_index\":\"search-docs\",\"_id\":\"{number}\"}}}}\n{{\"path\":\"/docs/{number}.txt\",\
             \"size\":{number},\"title\":\"Document number {number}\",\"_timestamp\":\"2031-05-01T10:00:00.000000+00:00\"}}\n"
        )
        .expect("writing to a string");
    }
    request(address, "POST", "/_bulk", "application/x-ndjson", &lines)
}
