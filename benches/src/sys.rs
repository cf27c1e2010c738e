//! What Linux is asked for directly: cores, clocks, counters under `/proc`. Safe doors only.

use crate::Result;
use std::fs;
use std::io;
use std::mem;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// The cores this process may run on.
pub fn cores() -> Vec<usize> {
    // SAFETY: an all-zero `cpu_set_t` is an empty set, and the call fills one of exactly that size.
    unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        if libc::sched_getaffinity(0, mem::size_of_val(&set), &mut set) != 0 {
            return vec![0];
        }
        (0..libc::CPU_SETSIZE as usize).filter(|core| libc::CPU_ISSET(*core, &set)).collect()
    }
}

/// Keeps the calling thread, and every thread and child it makes from now on, on these cores.
pub fn pin(cores: &[usize]) -> io::Result<()> {
    // SAFETY: as in `cores`; the numbers come from there, so they are below `CPU_SETSIZE`.
    let outcome = unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        for core in cores {
            libc::CPU_SET(*core, &mut set);
        }
        libc::sched_setaffinity(0, mem::size_of_val(&set), &set)
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Lets the child start on these cores and nowhere else.
pub fn pin_child(command: &mut Command, cores: Vec<usize>) {
    // SAFETY: between fork and exec only `sched_setaffinity` runs; it allocates nothing, takes no lock.
    unsafe {
        command.pre_exec(move || pin(&cores));
    }
}

/// Raises the number of files a process may open to what the system allows. Children inherit it.
pub fn allow_many_files() {
    // SAFETY: both calls get a structure of the right type that outlives them.
    unsafe {
        let mut limit: libc::rlimit = mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// CPU time that a process has used so far, user and system, all threads, in nanoseconds.
///
/// `/proc/<pid>/stat` has the same sum in ticks of 10 ms, too coarse for a slice of 100 ms.
pub fn cpu_time(pid: u32) -> io::Result<Duration> {
    // SAFETY: both calls write through pointers to locals of the right type.
    unsafe {
        let mut clock: libc::clockid_t = 0;
        let failure = libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock);
        if failure != 0 {
            return Err(io::Error::from_raw_os_error(failure));
        }
        let mut time: libc::timespec = mem::zeroed();
        if libc::clock_gettime(clock, &mut time) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
    }
}

/// Whether something, or the end, can be read from there before so much time has passed.
pub fn is_readable_within(source: &impl AsRawFd, patience_ms: i32) -> io::Result<bool> {
    let mut wanted = libc::pollfd { fd: source.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: the call is told of the one structure that the pointer leads to.
    match unsafe { libc::poll(&mut wanted, 1, patience_ms) } {
        -1 => Err(io::Error::last_os_error()),
        ready => Ok(ready > 0),
    }
}

/// Waits a while, for want of a condition: a child's end is asked for, and memory settles unannounced.
#[allow(clippy::disallowed_methods, reason = "an observer of foreign servers has nothing to wait on")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Makes the socket's close a reset.
pub fn close_with_reset(stream: &TcpStream) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the option's value is a local of the type and size that the call is told.
    let outcome = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            mem::size_of_val(&linger) as libc::socklen_t,
        )
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What a process holds at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Holdings {
    /// Resident memory.
    pub rss_bytes: u64,
    /// The most resident memory so far, or since [`forget_peak`].
    pub rss_peak_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub files: u64,
}

/// What `pid` holds; `None` is this process.
pub fn holdings(pid: Option<u32>) -> Result<Holdings> {
    let home = home(pid);
    let status = fs::read_to_string(format!("{home}/status"))?;
    let field = |name: &str| -> Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or_else(|| format!("{home}/status has no {name}"))?.parse()?)
    };
    let mut files = fs::read_dir(format!("{home}/fd"))?.count() as u64;
    if pid.is_none() {
        files -= 1; // the directory that is being read
    }
    Ok(Holdings {
        rss_bytes: field("VmRSS:")? * 1024,
        rss_peak_bytes: field("VmHWM:")? * 1024,
        threads: field("Threads:")?,
        files,
    })
}

/// Starts the peak of [`Holdings::rss_peak_bytes`] anew from what is resident now.
pub fn forget_peak(pid: u32) -> io::Result<()> {
    fs::write(format!("{}/clear_refs", home(Some(pid))), "5")
}

fn home(pid: Option<u32>) -> String {
    pid.map_or_else(|| "/proc/self".to_owned(), |pid| format!("/proc/{pid}"))
}

/// One line about the machine and the compiler.
pub fn machine() -> String {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu_info
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split_once(": "))
        .map_or("unknown CPU", |(_, model)| model);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!(
        "{model}, {} cores, Linux {}, {}",
        cores().len(),
        kernel.trim(),
        rustc.unwrap_or_else(|_| "rustc unknown".to_owned()),
    )
}
