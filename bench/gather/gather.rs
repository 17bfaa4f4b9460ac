// gather.rs - functions run at once in tokio tasks: gather FUNCTIONS TIMES
// Each yields once. Prints the nanoseconds of one function.

use bench::{print_each, run, size};
use std::time::Instant;

async fn work(result: usize) -> usize {
    tokio::task::yield_now().await;
    result
}

// Runs them all; returns their results in order.
async fn gather(count: usize) -> Vec<usize> {
    let tasks: Vec<_> = (1..=count).map(|i| tokio::spawn(work(i))).collect();
    let mut results = Vec::with_capacity(count);
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

async fn round(count: usize, times: usize) {
    let mut sum = 0;
    for _ in 0..times {
        sum += gather(count).await.iter().sum::<usize>();
    }
    assert_eq!(sum, times * count * (count + 1) / 2, "wrong results");
}

fn main() {
    let (count, times) = (size(1), size(2));
    run(async {
        round(count, times / 10).await;
        let began = Instant::now();
        round(count, times).await;
        print_each("gather", began, count * times);
    });
}
