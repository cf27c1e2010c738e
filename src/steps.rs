//! Steps that a loop takes, and texts of JSON that are read: counted by tests; in a build that is no test nothing is
//! counted.
//!
//! Time tells little on a busy machine. A loop whose length must not grow calls [`step`], and a test
//! compares `taken` at two sizes.

#[cfg(test)]
thread_local! {
    static TAKEN: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    static TEXTS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// One turn of a loop, or one comparison.
#[inline(always)]
pub(crate) fn step() {
    #[cfg(test)]
    TAKEN.set(TAKEN.get() + 1);
}

/// One text of JSON that somebody begins to read.
#[inline(always)]
pub(crate) fn text() {
    #[cfg(test)]
    TEXTS.set(TEXTS.get() + 1);
}

/// How many steps `work` takes in this thread.
#[cfg(test)]
pub(crate) fn taken<T>(work: impl FnOnce() -> T) -> u64 {
    let before = TAKEN.get();
    work();
    TAKEN.get() - before
}

/// How many texts of JSON `work` begins to read in this thread.
#[cfg(test)]
pub(crate) fn texts_read<T>(work: impl FnOnce() -> T) -> u64 {
    let before = TEXTS.get();
    work();
    TEXTS.get() - before
}
