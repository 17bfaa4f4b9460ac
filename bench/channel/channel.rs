// channel.rs - items sent from one tokio task to another until the end:
//   channel CAPACITY ITEMS
// Prints the nanoseconds of one item, sent and received.

use bench::{print_each, run, size};
use std::time::Instant;
use tokio::sync::mpsc;

async fn stream(capacity: usize, count: usize) {
    let (sender, mut receiver) = mpsc::channel(capacity);
    let sending = tokio::spawn(async move {
        for i in 1..=count {
            sender.send(i).await.unwrap();
        }
    });
    let receiving = tokio::spawn(async move {
        let mut sum = 0;
        while let Some(item) = receiver.recv().await {
            sum += item;
        }
        sum
    });
    sending.await.unwrap();
    assert_eq!(receiving.await.unwrap(), count * (count + 1) / 2);
}

fn main() {
    let (capacity, items) = (size(1), size(2));
    run(async {
        stream(capacity, items / 10).await;
        let began = Instant::now();
        stream(capacity, items).await;
        print_each("item", began, items);
    });
}
