// event.rs - tokio tasks that wake each other:
//   event pong WAKES              two wake each other
//   event crowd WAITERS TIMES     one wakes them all
// Prints the nanoseconds of one task woken.

use bench::{print_each, run, size, word};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{watch, Notify};

async fn answer(mine: Arc<Notify>, other: Arc<Notify>, rounds: usize) -> usize {
    let mut woken = 0;
    for _ in 0..rounds {
        mine.notified().await;
        woken += 1;
        other.notify_one();
    }
    woken
}

async fn pong(rounds: usize) {
    let (ping, back) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let first = tokio::spawn(answer(ping.clone(), back.clone(), rounds));
    let second = tokio::spawn(answer(back, ping.clone(), rounds));
    ping.notify_one();
    let woken = first.await.unwrap() + second.await.unwrap();
    assert_eq!(woken, 2 * rounds, "wrong number of wakes");
}

static WAITING: AtomicUsize = AtomicUsize::new(0);

// What wakes all who wait is a watch channel: its value is the round.
async fn wait(mut gate: watch::Receiver<usize>, rounds: usize) -> usize {
    let mut woken = 0;
    for _ in 0..rounds {
        WAITING.fetch_add(1, Ordering::SeqCst);
        gate.changed().await.unwrap();
        woken += 1;
    }
    woken
}

async fn crowd(waiters: usize, rounds: usize) {
    let (gate, receiver) = watch::channel(0);
    let tasks: Vec<_> = (0..waiters)
        .map(|_| tokio::spawn(wait(receiver.clone(), rounds)))
        .collect();
    for round in 1..=rounds {
        while WAITING.load(Ordering::SeqCst) < waiters {
            tokio::task::yield_now().await;
        }
        WAITING.store(0, Ordering::SeqCst);
        gate.send(round).unwrap();
    }
    let mut woken = 0;
    for task in tasks {
        woken += task.await.unwrap();
    }
    assert_eq!(woken, waiters * rounds, "wrong number of wakes");
}

fn main() {
    run(async {
        if word(1) == "pong" {
            let rounds = size(2) / 2;
            pong(rounds / 10).await;
            let began = Instant::now();
            pong(rounds).await;
            print_each("wake", began, 2 * rounds);
        } else {
            let (waiters, rounds) = (size(2), size(3));
            crowd(waiters, rounds / 10).await;
            let began = Instant::now();
            crowd(waiters, rounds).await;
            print_each("wake", began, waiters * rounds);
        }
    });
}
