// file.rs - files read by tokio:
//   file large PATH         from beginning to end
//   file small DIR FILES    all at once, DIR/1 and so on
// Prints the milliseconds, or the microseconds of one small file.

use bench::{cpu, run, size, word};
use std::time::Instant;
use tokio::io::AsyncReadExt;

const LARGE: usize = 1 << 30;
const SMALL: usize = 4096;
const PIECE: usize = 128 * 1024;

async fn large(path: String) {
    let mut file = tokio::fs::File::open(path).await.unwrap();
    let mut piece = vec![0; PIECE];
    let (mut size, mut last) = (0, 0);
    loop {
        let count = file.read(&mut piece).await.unwrap();
        if count == 0 {
            break;
        }
        size += count;
        last = count;
    }
    assert!(size == LARGE && piece[..last].ends_with(b"the end."));
}

async fn small(dir: String, count: usize) {
    let tasks: Vec<_> = (1..=count)
        .map(|i| tokio::spawn(tokio::fs::read(format!("{dir}/{i}"))))
        .collect();
    for (i, task) in tasks.into_iter().enumerate() {
        let content = task.await.unwrap().unwrap();
        let text = std::str::from_utf8(&content).unwrap();
        assert_eq!(content.len(), SMALL);
        assert_eq!(text.trim_end(), (i + 1).to_string());
    }
}

async fn work() {
    if word(1) == "small" {
        small(word(2), size(3)).await
    } else {
        large(word(2)).await
    }
}

fn main() {
    let scale = if word(1) == "small" {
        1e6 / size(3) as f64
    } else {
        1e3
    };
    run(async {
        tokio::spawn(work()).await.unwrap();
        let (began, cpu_began) = (Instant::now(), cpu());
        tokio::spawn(work()).await.unwrap();
        println!("{} {:.3}", word(1), began.elapsed().as_secs_f64() * scale);
        println!("cpu {:.3}", (cpu() - cpu_began).as_secs_f64() * scale);
    });
}
