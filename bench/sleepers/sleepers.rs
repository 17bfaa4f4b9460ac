// sleepers.rs - tokio tasks that sleep 0 to 1000 ms: sleepers TASKS
// Prints the CPU seconds and the peak megabytes of the process.

use bench::{cpu, peak_megabytes, run, size};
use std::time::Duration;
use tokio::task::JoinSet;

fn main() {
    let tasks = size(1);
    run(async {
        let mut group = JoinSet::new();
        for task in 0..tasks {
            let duration = Duration::from_millis(task as u64 % 1001);
            group.spawn(tokio::time::sleep(duration));
        }
        let mut woken = 0;
        while let Some(result) = group.join_next().await {
            result.unwrap();
            woken += 1;
        }
        assert_eq!(woken, tasks, "a sleeper has not woken");
    });
    println!("cpu {:.4}", cpu().as_secs_f64());
    println!("peak {:.2}", peak_megabytes());
}
