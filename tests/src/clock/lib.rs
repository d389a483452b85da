//! Preloaded into a program (`LD_PRELOAD`), answers its questions for the time of day with the
//! system's time and so many seconds more as a file says.
//!
//! The file (`ONESHELF_CLOCK_FILE`) holds one number of 64 bits in the machine's order. It is
//! mapped once, so that all programs see at the same moment what is written there. Clocks that
//! measure how long something takes are left alone. It must not know who asks, and must not
//! allocate: an allocator asks for the time before it can give. (Debian's libfaketime does, and
//! ends a program that has mimalloc in malloc's place.) Invariant: without the file the time is
//! the system's.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

use libc::{c_int, c_long, c_void, clockid_t, time_t, timespec, timeval};

/// Where the file is mapped; null until the first question.
static SECONDS: AtomicPtr<AtomicI64> = AtomicPtr::new(null_mut());
/// What is read where there is no file.
static NONE: AtomicI64 = AtomicI64::new(0);

/// Seconds that the clock is ahead.
fn ahead() -> i64 {
    let mut place: *const AtomicI64 = SECONDS.load(Ordering::Acquire);
    if place.is_null() {
        place = map().unwrap_or(&raw const NONE);
        SECONDS.store(place.cast_mut(), Ordering::Release);
    }
    // SAFETY: it is `NONE` or a page that stays mapped; both are aligned, and read as atomics.
    unsafe { (*place).load(Ordering::Acquire) }
}

fn map() -> Option<*const AtomicI64> {
    // SAFETY: each gets what its manual page asks for; the texts end with a zero.
    unsafe {
        let name = libc::getenv(c"ONESHELF_CLOCK_FILE".as_ptr());
        if name.is_null() {
            return None;
        }
        let file = libc::open(name, libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return None;
        }
        let (size, how) = (size_of::<AtomicI64>(), libc::MAP_SHARED);
        let place = libc::mmap(null_mut(), size, libc::PROT_READ, how, file, 0);
        libc::close(file);
        (place != libc::MAP_FAILED).then(|| place.cast_const().cast())
    }
}

/// As `clock_gettime(2)`, of the kernel itself.
fn ask(clock: clockid_t, at: *mut timespec) -> c_int {
    // SAFETY: the kernel looks at the address that the caller gave, and refuses a bad one.
    unsafe { libc::syscall(libc::SYS_clock_gettime, c_long::from(clock), at) as c_int } // 0 or -1
}

/// In the place of C's function.
///
/// # Safety
/// As there: `at` is where a time can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, at: *mut timespec) -> c_int {
    let answer = ask(clock, at);
    if answer == 0 && matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE) {
        // SAFETY: the kernel has just written there.
        unsafe { (*at).tv_sec += ahead() };
    }
    answer
}

fn now() -> timespec {
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it is ours.
    unsafe { clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    now
}

/// In the place of C's function; the zone is not asked for by anybody since 1990.
///
/// # Safety
/// As there: `at` is null or where a time can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(at: *mut timeval, _zone: *mut c_void) -> c_int {
    let now = now();
    if !at.is_null() {
        let time = timeval { tv_sec: now.tv_sec, tv_usec: now.tv_nsec / 1_000 };
        // SAFETY: the caller says so.
        unsafe { at.write(time) };
    }
    0
}

/// In the place of C's function.
///
/// # Safety
/// As there: `at` is null or where a time can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn time(at: *mut time_t) -> time_t {
    let now = now().tv_sec;
    if !at.is_null() {
        // SAFETY: the caller says so.
        unsafe { at.write(now) };
    }
    now
}
