// bench.rs - what the programs on tokio share.

use std::future::Future;
use std::time::{Duration, Instant};

/// The runtime: all cores, or one thread where BENCH_THREADS is 1.
pub fn run<F: Future>(main: F) -> F::Output {
    let threads = std::env::var("BENCH_THREADS");
    let mut builder = if threads.as_deref() == Ok("1") {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder
        .enable_all()
        .build()
        .expect("no runtime")
        .block_on(main)
}

/// An argument that is a word.
pub fn word(index: usize) -> String {
    std::env::args().nth(index).expect("an argument is missing")
}

/// An argument that is a number from 1.
pub fn size(index: usize) -> usize {
    let size = word(index).parse().unwrap_or(0);
    assert!(size > 0, "sizes are numbers from 1");
    size
}

/// Prints the nanoseconds of one of `count` operations.
pub fn print_each(measure: &str, began: Instant, count: usize) {
    let each = began.elapsed().as_nanos() as f64 / count as f64;
    println!("{measure} {each:.3}");
}

fn usage(who: libc::c_int) -> libc::rusage {
    let mut used = unsafe { std::mem::zeroed() };
    assert_eq!(unsafe { libc::getrusage(who, &mut used) }, 0);
    used
}

fn duration(time: libc::timeval) -> Duration {
    Duration::from_micros(time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64)
}

/// CPU time, the kernel's part included.
pub fn cpu() -> Duration {
    let used = usage(libc::RUSAGE_SELF);
    duration(used.ru_utime) + duration(used.ru_stime)
}

/// The same with that of processes that have been waited for.
pub fn cpu_of_all() -> Duration {
    let used = usage(libc::RUSAGE_CHILDREN);
    cpu() + duration(used.ru_utime) + duration(used.ru_stime)
}

/// The most megabytes that were ever resident.
pub fn peak_megabytes() -> f64 {
    usage(libc::RUSAGE_SELF).ru_maxrss as f64 * 1024.0 / 1e6
}

/// The bytes that are resident now.
pub fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("no /proc");
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize
}
