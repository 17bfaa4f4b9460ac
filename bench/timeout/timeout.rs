// timeout.rs - tokio timeouts that are left, or fire:
//   timeout scope TASKS TIMES    entered and left
//   timeout yield TASKS TIMES    with a yield_now inside
//   timeout fires TASKS TIMES    of 1 ms, waited for, in CPU time
// Prints the nanoseconds of one.

use bench::{cpu, print_each, run, size, word};
use std::time::{Duration, Instant};
use tokio::time::timeout;

const MINUTE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(1);

async fn body(work: &str, times: usize) -> usize {
    let mut good = 0;
    for _ in 0..times {
        let right = match work {
            "scope" => timeout(MINUTE, async {}).await.is_ok(),
            "yield" => timeout(MINUTE, tokio::task::yield_now()).await.is_ok(),
            _ => timeout(SHORT, std::future::pending::<()>()).await.is_err(),
        };
        good += right as usize;
    }
    good
}

async fn turns(work: &'static str, tasks: usize, times: usize) {
    let running: Vec<_> = (0..tasks)
        .map(|_| tokio::spawn(body(work, times)))
        .collect();
    let mut good = 0;
    for task in running {
        good += task.await.unwrap();
    }
    assert_eq!(good, tasks * times, "wrong number of timeouts");
}

fn main() {
    let (tasks, times) = (size(2), size(3));
    let work: &'static str = Box::leak(word(1).into_boxed_str());
    run(async {
        turns(work, tasks, times / 10 + 1).await;
        let (began, cpu_began) = (Instant::now(), cpu());
        turns(work, tasks, times).await;
        if work == "fires" {
            let took = (cpu() - cpu_began).as_nanos() as f64;
            println!("timeout {:.3}", took / (tasks * times) as f64);
        } else {
            print_each("timeout", began, tasks * times);
        }
    });
}
