//! Passes connections on and counts: what a client and a server that cannot count send each other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args;
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, stdin,
};
use tokio::net::{TcpListener, TcpStream};

#[derive(Args)]
pub struct Options {
    listen: SocketAddr,
    to: SocketAddr,
}

#[derive(Default)]
struct Counts {
    up: AtomicU64,
    down: AtomicU64,
}

pub async fn run(options: Options) {
    let listener = TcpListener::bind(options.listen).await.expect("an address");
    let counts = Arc::new(Counts::default());
    tokio::spawn(accept(listener, options.to, Arc::clone(&counts)));
    let mut lines = BufReader::new(stdin()).lines();
    while let Ok(Some(_)) = lines.next_line().await {
        println!("{} {}", counts.up.load(Ordering::Relaxed), counts.down.load(Ordering::Relaxed));
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, counts: Arc<Counts>) {
    while let Ok((client, _)) = listener.accept().await {
        let counts = Arc::clone(&counts);
        tokio::spawn(async move {
            let server = TcpStream::connect(to).await.expect("the server");
            server.set_nodelay(true).and_then(|()| client.set_nodelay(true)).expect("a socket");
            let (client_in, client_out) = client.into_split();
            let (server_in, server_out) = server.into_split();
            tokio::join!(
                pass(client_in, server_out, &counts.up),
                pass(server_in, client_out, &counts.down)
            );
        });
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicU64,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
        count.fetch_add(read as u64, Ordering::Relaxed);
    }
    let _ = to.shutdown().await;
}
