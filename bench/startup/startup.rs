// startup.rs - a program that runs one tokio task, which does nothing.

fn main() {
    bench::run(async {
        tokio::spawn(tokio::task::yield_now()).await.unwrap();
    });
}
