// spawn.rs - tokio tasks started and joined in batches: spawn BATCH BATCHES
// Prints the nanoseconds of one spawn and its part of the join.

use bench::{print_each, run, size};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::task::JoinSet;

static COUNT: AtomicUsize = AtomicUsize::new(0);

async fn batches(batch: usize, batches: usize) {
    for _ in 0..batches {
        let mut group = JoinSet::new();
        for _ in 0..batch {
            group.spawn(async {
                COUNT.fetch_add(1, Ordering::Relaxed);
            });
        }
        while let Some(result) = group.join_next().await {
            result.unwrap();
        }
    }
}

fn main() {
    let (batch, times) = (size(1), size(2));
    run(async {
        batches(batch, times / 10 + 1).await;
        COUNT.store(0, Ordering::Relaxed);
        let began = Instant::now();
        batches(batch, times).await;
        print_each("spawn", began, batch * times);
        assert_eq!(COUNT.load(Ordering::Relaxed), batch * times);
    });
}
