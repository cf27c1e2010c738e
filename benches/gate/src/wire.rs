//! A claim with the wire: a server in a process of its own, and a client that keeps some connections busy.
//!
//! The server runs under callgrind on one core. Two runs, one with twice the claims: their difference is the claims
//! alone.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::env;

use elastimock::MockServer;
use elastimock::server::Upstream;
use hyper_util::rt::TokioIo;

use crate::calls;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CONNECTIONS: usize = 16;
const WARM_UP: usize = 160;
const CLAIMS: usize = 1_600;

/// Instructions of a claim with the wire.
pub fn measure(folder: &Path) -> Result<f64> {
    let jobs = (WARM_UP + 2 * CLAIMS).to_string();
    let (once, twice) = (count(folder, CLAIMS, &["serve", &jobs])?, count(folder, 2 * CLAIMS, &["serve", &jobs])?);
    Ok((twice - once) / CLAIMS as f64)
}

/// Instructions of a claim in what stands in front of a server: a bare proxy of hyper, and elastimock, which reads, judges
/// and remembers it besides.
pub fn forwarded(folder: &Path) -> Result<[f64; 2]> {
    let each = |front: &str| -> Result<f64> {
        let mut counts = [0.0; 2];
        for (counted, claims) in counts.iter_mut().zip([CLAIMS, 2 * CLAIMS]) {
            let jobs = (WARM_UP + 2 * CLAIMS).to_string();
            let mut behind = Command::new(env::current_exe()?);
            let mut behind = behind.args(["serve", &jobs]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            let mut address = String::new();
            BufReader::new(behind.stdout.take().ok_or("no output")?).read_line(&mut address)?;
            let told = count(folder, claims, &[front, address.trim()]);
            drop(behind.stdin.take());
            behind.wait()?;
            *counted = told?;
        }
        Ok((counts[1] - counts[0]) / CLAIMS as f64)
    };
    Ok([each("proxy")?, each("front")?])
}

/// Stands in front of a server and records, on one core, until its input ends.
pub fn front(upstream: &str) -> Result<()> {
    stay_on_one_core();
    let server = MockServer::builder().in_front_of(Upstream::new(&format!("http://{upstream}"))?).start_blocking()?;
    println!("{}", server.address());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    // As for a server: what grows with the claims is no part of one.
    std::process::exit(0)
}

/// The least that a proxy of hyper does: a connection to the server for each of a client's, and what comes goes on.
pub fn proxy(upstream: SocketAddr) -> Result<()> {
    stay_on_one_core();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address"));
        loop {
            let (client, _) = listener.accept().await.expect("a connection");
            tokio::spawn(async move {
                let server = tokio::net::TcpStream::connect(upstream).await.expect("a server");
                client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).expect("a socket");
                let (sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(server)).await.expect("a connection");
                tokio::spawn(connection);
                let sender = Arc::new(tokio::sync::Mutex::new(sender));
                let service = hyper::service::service_fn(move |request| {
                    let sender = sender.clone();
                    async move { sender.lock().await.send_request(request).await }
                });
                let serving = hyper::server::conn::http1::Builder::new();
                serving.serve_connection(TokioIo::new(client), service).await.unwrap_or_default();
            });
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Serves that many waiting jobs on one core, says where, and ends when its input does.
pub fn serve(jobs: usize) -> Result<()> {
    stay_on_one_core();
    let server = MockServer::builder().fixture(calls::fixture(jobs)).start_blocking()?;
    println!("{}", server.address());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    // The end of a run is judged when its server is dropped: it grows with the claims, and is no part of one.
    std::process::exit(0)
}

/// One core is one thread of the runtime, and so always the same way of a call.
fn stay_on_one_core() {
    // SAFETY: the set is a plain value that lives as long as the calls that are given its address.
    unsafe {
        let mut cores: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of_val(&cores), &mut cores);
        let first = (0..libc::CPU_SETSIZE as usize).find(|core| libc::CPU_ISSET(*core, &cores)).unwrap_or(0);
        libc::CPU_ZERO(&mut cores);
        libc::CPU_SET(first, &mut cores);
        libc::sched_setaffinity(0, size_of_val(&cores), &cores);
    }
}

/// Instructions of a server's whole life with that many claims.
fn count(folder: &Path, claims: usize, server: &[&str]) -> Result<f64> {
    let output = folder.join(format!("wire.{claims}"));
    let mut server = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", output.display()))
        .arg(env::current_exe()?)
        .args(server)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("valgrind: {error}"))?;
    let mut address = String::new();
    BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut address)?;
    let claimed = claim_all(address.trim().parse()?, WARM_UP + claims);
    drop(server.stdin.take());
    let status = server.wait()?;
    claimed?;
    if !status.success() {
        return Err(format!("the server ended with {status}").into());
    }
    crate::total(&output)
}

/// Claims that many jobs: one on each connection, then their answers, then the next.
fn claim_all(address: SocketAddr, claims: usize) -> Result<()> {
    let mut streams = (0..CONNECTIONS).map(|_| TcpStream::connect(address)).collect::<std::io::Result<Vec<_>>>()?;
    streams.iter().try_for_each(|stream| stream.set_nodelay(true))?;
    for first in (0..claims).step_by(CONNECTIONS) {
        for (stream, number) in streams.iter_mut().zip(first..) {
            stream.write_all(&calls::claim_on_the_wire(number))?;
        }
        for stream in &mut streams {
            let mut answer = [0; 4096];
            let mut length = 0;
            while !answer[..length].ends_with(b"}") {
                let read = stream.read(&mut answer[length..])?;
                if read == 0 {
                    return Err("the connection ended".into());
                }
                length += read;
            }
            if !answer.starts_with(b"HTTP/1.1 200") {
                return Err(String::from_utf8_lossy(&answer[..length]).into());
            }
        }
    }
    Ok(())
}
