// thread.rs - calls in other threads by tokio's spawn_blocking:
//   thread calls CALLS AT_ONCE
//   thread busy
// Prints the microseconds of one call; of busy how much longer two that compute
// take than one.

use bench::{cpu, run, size, word};
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;

const STEPS: u64 = 200_000_000;

async fn calls(each: usize) -> usize {
    let mut sum = 0;
    for number in 1..=each {
        sum += spawn_blocking(move || number + 1).await.unwrap();
    }
    sum
}

async fn round(count: usize, at_once: usize) {
    let each = count / at_once;
    let tasks: Vec<_> =
        (0..at_once).map(|_| tokio::spawn(calls(each))).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), each * (each + 3) / 2);
    }
}

fn compute() -> u64 {
    (0..STEPS).fold(1, |state, _| (state * 16807) % 2147483647)
}

async fn compute_in(threads: usize) -> Duration {
    let began = Instant::now();
    let jobs: Vec<_> = (0..threads).map(|_| spawn_blocking(compute)).collect();
    let mut results = Vec::new();
    for job in jobs {
        results.push(job.await.unwrap());
    }
    assert!(results.iter().all(|result| *result == results[0]));
    began.elapsed()
}

fn main() {
    run(async {
        if word(1) == "busy" {
            compute_in(2).await;
            let one = compute_in(1).await.as_secs_f64();
            println!("ratio {:.3}", compute_in(2).await.as_secs_f64() / one);
            return;
        }
        let (count, at_once) = (size(2), size(3));
        round(count / 10, at_once).await;
        let (began, cpu_began) = (Instant::now(), cpu());
        round(count, at_once).await;
        let scale = 1e6 / count as f64;
        println!("call {:.3}", began.elapsed().as_secs_f64() * scale);
        println!("cpu {:.3}", (cpu() - cpu_began).as_secs_f64() * scale);
    });
}
