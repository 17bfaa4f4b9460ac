// switch.rs - tokio tasks that yield in turn: switch TASKS SWITCHES
// Prints the nanoseconds of one yield_now.

use bench::{print_each, run, size};
use std::time::Instant;

async fn body(rounds: usize) -> usize {
    for _ in 0..rounds {
        tokio::task::yield_now().await;
    }
    rounds
}

async fn turns(tasks: usize, rounds: usize) {
    let running: Vec<_> =
        (0..tasks).map(|_| tokio::spawn(body(rounds))).collect();
    for task in running {
        assert_eq!(task.await.unwrap(), rounds);
    }
}

fn main() {
    let (tasks, switches) = (size(1), size(2));
    let rounds = switches / tasks;
    run(async {
        turns(tasks, rounds / 10).await;
        let began = Instant::now();
        turns(tasks, rounds).await;
        print_each("switch", began, tasks * rounds);
    });
}
