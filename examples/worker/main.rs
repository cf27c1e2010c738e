//! A small worker of the Connector Protocol: does one pending sync job, and says how it went.
//!
//! ```text
//! elastimock serve                                       # in one terminal
//! cargo run --example worker -- http://127.0.0.1:9200    # in another
//! ```
//!
//! `worker.rs` is the client, `contract.rs` its contract test: copy both into a project of your own.

mod worker;

use std::process::ExitCode;

use worker::{Batch, Worker};

fn main() -> ExitCode {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: worker URL, for example: worker http://127.0.0.1:9200");
        return ExitCode::from(2);
    };
    let hostname = std::env::var("HOSTNAME").unwrap_or_else(|_| "worker-1".to_owned());
    // Where a real worker reads its source, this one has two batches at hand.
    let deleted = ["old-1", "old-2", "old-3"].map(str::to_owned).to_vec();
    let source = [Batch::of(1, 120), Batch { deleted, ..Batch::of(121, 80) }];
    match Worker::new(&url, &hostname).run_once(source.into_iter().map(Ok)) {
        Ok(Some(done)) if done.canceled => {
            println!("{}: canceled after {} documents", done.job, done.indexed);
            ExitCode::SUCCESS
        }
        Ok(Some(done)) => {
            println!("{}: {} documents indexed, {} deleted", done.job, done.indexed, done.deleted);
            ExitCode::SUCCESS
        }
        Ok(None) => {
            println!("no job is pending");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
