// queue.rs - items through a tokio channel that holds at most 128:
//   queue fifo PAIRS ITEMS
// A channel of tokio has one receiver, so several consumers share it by a
// lock. Prints the nanoseconds of one item, sent and received.

use bench::{print_each, run, size, word};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, Mutex};

async fn produce(sender: mpsc::Sender<usize>, count: usize) -> usize {
    let mut sum = 0;
    for i in 1..=count {
        let item = i ^ 85;
        sender.send(item).await.unwrap();
        sum += item;
    }
    sum
}

async fn consume(mut receiver: mpsc::Receiver<usize>) -> usize {
    let mut sum = 0;
    while let Some(item) = receiver.recv().await {
        sum += item;
    }
    sum
}

async fn consume_shared(shared: Arc<Mutex<mpsc::Receiver<usize>>>) -> usize {
    let mut sum = 0;
    loop {
        let item = shared.lock().await.recv().await;
        match item {
            Some(item) => sum += item,
            None => return sum,
        }
    }
}

async fn round(couples: usize, count: usize) {
    let (sender, receiver) = mpsc::channel(128);
    let mut consumers = Vec::new();
    if couples == 1 {
        consumers.push(tokio::spawn(consume(receiver)));
    } else {
        let shared = Arc::new(Mutex::new(receiver));
        for _ in 0..couples {
            consumers.push(tokio::spawn(consume_shared(shared.clone())));
        }
    }
    let producers: Vec<_> = (0..couples)
        .map(|_| tokio::spawn(produce(sender.clone(), count)))
        .collect();
    drop(sender);
    let (mut put, mut got) = (0, 0);
    for producer in producers {
        put += producer.await.unwrap();
    }
    for consumer in consumers {
        got += consumer.await.unwrap();
    }
    assert_eq!(put, got, "wrong items");
}

fn main() {
    assert_eq!(word(1), "fifo");
    let couples = size(2);
    let each = size(3) / couples;
    run(async {
        round(couples, each / 10).await;
        let began = Instant::now();
        round(couples, each).await;
        print_each("item", began, each * couples);
    });
}
