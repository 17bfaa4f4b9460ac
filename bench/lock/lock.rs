// lock.rs - tasks that lock and unlock one tokio mutex:
//   lock plain TASKS TIMES
//   lock yield TASKS TIMES    with a yield_now while it is held
// Prints the nanoseconds of one; TIMES is of all tasks.

use bench::{print_each, run, size, word};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;

async fn body(lock: Arc<Mutex<usize>>, rounds: usize, yields: bool) {
    for _ in 0..rounds {
        let mut count = lock.lock().await;
        // Counts wrong if another task comes in between.
        let before = *count;
        if yields {
            tokio::task::yield_now().await;
        }
        *count = before + 1;
    }
}

async fn turns(tasks: usize, rounds: usize, yields: bool) {
    let lock = Arc::new(Mutex::new(0));
    let running: Vec<_> = (0..tasks)
        .map(|_| tokio::spawn(body(lock.clone(), rounds, yields)))
        .collect();
    for task in running {
        task.await.unwrap();
    }
    assert_eq!(*lock.lock().await, tasks * rounds, "wrong count");
}

fn main() {
    let (yields, tasks) = (word(1) == "yield", size(2));
    let each = size(3) / tasks;
    run(async {
        turns(tasks, each / 10, yields).await;
        let began = Instant::now();
        turns(tasks, each, yields).await;
        print_each("lock", began, each * tasks);
    });
}
