//! [`Progress`]: how far long work is, in one line of a terminal that is gone when the work is done. Where stderr is no
//! terminal, with `-q`, or with `--json`, there is nothing.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::console::Console;

/// Work that is done sooner has no line.
const SHOWN_AFTER: Duration = Duration::from_millis(300);

/// Time between two lines.
const SHOWN_EVERY: Duration = Duration::from_millis(100);

/// Cells of the bar.
const CELLS: usize = 24;

/// Long work, and how far it is.
#[derive(Debug)]
pub(crate) struct Progress {
    /// `judging`.
    what: &'static str,
    /// `calls`.
    of: &'static str,
    next: Instant,
    is_wanted: bool,
    is_there: bool,
}

impl Progress {
    /// Work that begins now.
    pub(crate) fn new(what: &'static str, of: &'static str, console: &Console) -> Progress {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_wanted = !console.quiet() && !console.json() && std::io::stderr().is_terminal() && !is_dumb;
        Progress { what, of, next: Instant::now() + SHOWN_AFTER, is_wanted, is_there: false }
    }

    /// So much of it is done.
    pub(crate) fn at(&mut self, done: usize, total: usize) {
        // The clock is not asked for each of a million calls.
        if !self.is_wanted || (!done.is_multiple_of(64) && total > 10_000) || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + SHOWN_EVERY;
        self.is_there = true;
        // Nobody is hurt if it is not seen.
        let _ = write!(std::io::stderr(), "\r\x1b[2K{}", line(self.what, self.of, done, total));
        let _ = std::io::stderr().flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_there {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
            let _ = std::io::stderr().flush();
        }
    }
}

/// `judging [######··················]  25 %  250 of 1000 calls`.
fn line(what: &str, of: &str, done: usize, total: usize) -> String {
    let done = done.min(total);
    let part = |of: usize| (done as u128 * of as u128).checked_div(total as u128).unwrap_or(of as u128) as usize;
    let full = part(CELLS);
    let bar = "#".repeat(full) + &"·".repeat(CELLS - full);
    format!("{what} [{bar}] {:>3} %  {done} of {total} {of}", part(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_how_far_it_is() {
        assert_eq!(line("judging", "calls", 0, 8), "judging [························]   0 %  0 of 8 calls");
        assert_eq!(line("judging", "calls", 2, 8), "judging [######··················]  25 %  2 of 8 calls");
        assert_eq!(line("judging", "calls", 8, 8), "judging [########################] 100 %  8 of 8 calls");
        // More than was announced, and nothing at all.
        assert_eq!(line("judging", "calls", 9, 8), line("judging", "calls", 8, 8));
        assert_eq!(line("judging", "calls", 0, 0), "judging [########################] 100 %  0 of 0 calls");
        assert!(line("judging", "calls", usize::MAX - 1, usize::MAX).contains(" 99 %"));
    }
}
