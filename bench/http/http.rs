// http.rs - a file fetched again and again by hyper: http FETCHES AT_ONCE
// from BENCH_URL, by so many tasks. Prints the microseconds of one, and of CPU
// time.

use bench::{cpu, run, size};
use hyper::{body, client::HttpConnector, Client, Uri};
use std::time::Instant;

const BYTES: usize = 1024;

type Fetcher = Client<HttpConnector>;

async fn fetch(client: Fetcher, url: Uri, times: usize) -> usize {
    for _ in 0..times {
        let answer = client.get(url.clone()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let content = body::to_bytes(answer.into_body()).await.unwrap();
        assert_eq!(content.len(), BYTES);
    }
    times
}

async fn round(client: &Fetcher, url: &Uri, fetches: usize, at_once: usize) {
    let each = fetches / at_once;
    let tasks: Vec<_> = (0..at_once)
        .map(|_| tokio::spawn(fetch(client.clone(), url.clone(), each)))
        .collect();
    let mut fetched = 0;
    for task in tasks {
        fetched += task.await.unwrap();
    }
    assert_eq!(fetched, fetches, "wrong number of answers");
}

fn main() {
    let (fetches, at_once) = (size(1), size(2));
    let url: Uri = std::env::var("BENCH_URL").unwrap().parse().unwrap();
    run(async {
        let client: Fetcher = Client::new();
        round(&client, &url, fetches / 10, at_once).await;
        let (began, cpu_began) = (Instant::now(), cpu());
        round(&client, &url, fetches, at_once).await;
        let scale = 1e6 / fetches as f64;
        println!("fetch {:.3}", began.elapsed().as_secs_f64() * scale);
        println!("cpu {:.3}", (cpu() - cpu_began).as_secs_f64() * scale);
    });
}
