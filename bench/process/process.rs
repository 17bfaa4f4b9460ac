// process.rs - processes run to their end by tokio, some at once:
//   process null|pipes PROCESSES AT_ONCE
// Prints the microseconds of one, and of CPU time, its own included.

use bench::{cpu_of_all, run, size, word};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

async fn run_true(places: Arc<Semaphore>, pipes: bool) {
    let _place = places.acquire().await.unwrap();
    let output = || if pipes { Stdio::piped() } else { Stdio::null() };
    let process = Command::new("/bin/true")
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .spawn()
        .unwrap();
    let result = process.wait_with_output().await.unwrap();
    assert!(result.status.success() && result.stdout.is_empty());
}

async fn round(times: usize, at_once: usize, pipes: bool) {
    let places = Arc::new(Semaphore::new(at_once));
    let mut group = JoinSet::new();
    for _ in 0..times {
        group.spawn(run_true(places.clone(), pipes));
    }
    while let Some(result) = group.join_next().await {
        result.unwrap();
    }
}

fn main() {
    let (pipes, count, at_once) = (word(1) == "pipes", size(2), size(3));
    run(async {
        round((count + 9) / 10, at_once, pipes).await;
        let (began, cpu_began) = (Instant::now(), cpu_of_all());
        round(count, at_once, pipes).await;
        let scale = 1e6 / count as f64;
        println!("process {:.3}", began.elapsed().as_secs_f64() * scale);
        println!(
            "cpu {:.3}",
            (cpu_of_all() - cpu_began).as_secs_f64() * scale
        );
    });
}
