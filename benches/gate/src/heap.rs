//! An allocator that counts: the bytes in use, exactly, and the most that there were.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

static LIVE_BYTES: AtomicI64 = AtomicI64::new(0);
static PEAK_BYTES: AtomicI64 = AtomicI64::new(0);

fn add(bytes: i64) {
    let live = LIVE_BYTES.fetch_add(bytes, Relaxed) + bytes;
    if live > PEAK_BYTES.load(Relaxed) {
        PEAK_BYTES.store(live, Relaxed);
    }
}

/// The system's allocator, with a running sum of the bytes that are in use.
pub struct Counting;

// SAFETY: every call goes to the system's allocator with the caller's own arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as i64);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as i64);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size() as i64, Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size as i64 - layout.size() as i64);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Bytes in use at this moment.
pub fn live_bytes() -> i64 {
    LIVE_BYTES.load(Relaxed)
}

/// The most bytes in use beyond those of now while something is done.
pub fn peak_bytes(deed: impl FnOnce()) -> i64 {
    let before = live_bytes();
    PEAK_BYTES.store(before, Relaxed);
    deed();
    PEAK_BYTES.load(Relaxed) - before
}
