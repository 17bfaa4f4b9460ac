// memory.rs - what a parked tokio task takes: memory TASKS
// Prints the resident bytes of one (bytes), and the nanoseconds to spawn,
// abort and join one (each).

use bench::{resident_bytes, run, size};
use std::time::Instant;
use tokio::task::JoinSet;

fn main() {
    let count = size(1);
    run(async {
        let before = resident_bytes();
        let began = Instant::now();
        let mut group = JoinSet::new();
        for _ in 0..count {
            group.spawn(std::future::pending::<()>());
        }
        tokio::task::yield_now().await;
        let parked = resident_bytes();
        group.abort_all();
        let mut cancelled = 0;
        while let Some(result) = group.join_next().await {
            cancelled += result.unwrap_err().is_cancelled() as usize;
        }
        let took = began.elapsed();
        assert_eq!(cancelled, count, "a task has not ended cancelled");
        let bytes = parked.saturating_sub(before) as f64 / count as f64;
        println!("bytes {bytes:.1}");
        println!("each {:.3}", took.as_nanos() as f64 / count as f64);
    });
}
