// growth.rs - one operation where few or many tokio tasks do it:
//   growth switch TASKS TIMES    a yield_now, all in turn
//   growth spawn TASKS TIMES     one spawned and joined, that many at once
//   growth timer TASKS TIMES     a timeout around a yield_now, one in each
//   growth queue TASKS TIMES     an item, half of them put and half get
// Prints the nanoseconds of one. Where tasks are not what is measured they have
// been spawned before, have done it once, and end later.

use bench::{run, size, word};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, Mutex, Notify, Semaphore};
use tokio::task::yield_now;
use tokio::time::timeout;

struct Shared {
    work: String,
    times: usize,
    start: Semaphore,   // shut until all are there
    ready: AtomicUsize, // tasks that are
    left: AtomicUsize,  // tasks that have not done it all
    finished: Notify,
    sender: mpsc::Sender<usize>,
    receiver: Mutex<mpsc::Receiver<usize>>,
}

async fn operation(shared: &Shared, task: usize, i: usize) {
    match shared.work.as_str() {
        "switch" => yield_now().await,
        "timer" => {
            let seconds = (60 + (task * 7 + i) % 1000) as u64;
            timeout(Duration::from_secs(seconds), yield_now())
                .await
                .unwrap();
        }
        _ if task % 2 == 0 => shared.sender.send(task).await.unwrap(),
        _ => {
            shared.receiver.lock().await.recv().await.unwrap();
        }
    }
}

async fn body(shared: Arc<Shared>, task: usize) {
    operation(&shared, task, 0).await;
    shared.ready.fetch_add(1, SeqCst);
    shared.start.acquire().await.unwrap().forget();
    for i in 0..shared.times {
        operation(&shared, task, i).await;
    }
    if shared.left.fetch_sub(1, SeqCst) == 1 {
        shared.finished.notify_one();
    }
}

async fn in_all(tasks: usize, times: usize) -> Duration {
    let (sender, receiver) = mpsc::channel(128);
    let shared = Arc::new(Shared {
        work: word(1),
        times,
        start: Semaphore::new(0),
        ready: AtomicUsize::new(0),
        left: AtomicUsize::new(tasks),
        finished: Notify::new(),
        sender,
        receiver: Mutex::new(receiver),
    });
    let running: Vec<_> = (0..tasks)
        .map(|task| tokio::spawn(body(shared.clone(), task)))
        .collect();
    while shared.ready.load(SeqCst) < tasks {
        yield_now().await;
    }
    let began = Instant::now();
    shared.start.add_permits(tasks);
    shared.finished.notified().await;
    let took = began.elapsed();
    for task in running {
        task.await.unwrap();
    }
    took
}

async fn batch(tasks: usize) {
    let running: Vec<_> =
        (0..tasks).map(|i| tokio::spawn(async move { i })).collect();
    for (i, task) in running.into_iter().enumerate() {
        assert_eq!(task.await.unwrap(), i);
    }
}

async fn spawn(tasks: usize, times: usize) -> Duration {
    batch(tasks).await;
    let began = Instant::now();
    for _ in 0..times {
        batch(tasks).await;
    }
    began.elapsed()
}

fn main() {
    let (tasks, times) = (size(2), size(3));
    run(async {
        let took = if word(1) == "spawn" {
            spawn(tasks, times).await
        } else {
            in_all(tasks, times).await
        };
        let items = word(1) == "queue"; // an item is put and got
        let count = tasks * times / if items { 2 } else { 1 };
        println!("each {:.3}", took.as_nanos() as f64 / count as f64);
    });
}
