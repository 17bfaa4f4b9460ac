// cancel.rs - parked tokio tasks, aborted and joined: cancel TASKS
// Prints the nanoseconds of one abort and its part of the join (cancel), and
// the same with the spawn (all).

use bench::{run, size};
use std::time::{Duration, Instant};

async fn turns(count: usize) -> (Duration, Duration) {
    let began = Instant::now();
    let tasks: Vec<_> = (0..count)
        .map(|_| tokio::spawn(std::future::pending::<()>()))
        .collect();
    tokio::task::yield_now().await;
    let parked = Instant::now();
    for task in &tasks {
        task.abort();
    }
    let mut cancelled = 0;
    for task in tasks {
        cancelled += task.await.unwrap_err().is_cancelled() as usize;
    }
    assert_eq!(cancelled, count, "wrong number of cancellations");
    (began.elapsed(), parked.elapsed())
}

fn main() {
    let count = size(1);
    run(async {
        turns(count).await;
        let (all, cancel) = turns(count).await;
        println!("cancel {:.3}", cancel.as_nanos() as f64 / count as f64);
        println!("all {:.3}", all.as_nanos() as f64 / count as f64);
    });
}
