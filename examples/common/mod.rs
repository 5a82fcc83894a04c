//! What the examples share: a ring, an address and an end. What they show is not here.

#![allow(dead_code, unreachable_pub)] // each example uses its own part

use std::env;
use std::error::Error;

use saddlebag::Tokens;
use saddlebag::keys::{KeyRingHandle, Policy, UnixTime, rotation};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Tokens of the ring that `SADDLEBAG_RING` names, which is watched: several nodes share it.
///
/// Without one, the ring is made on the spot, as only an example may: its sessions end with the process.
pub fn tokens(audience: &str) -> Result<Tokens, Box<dyn Error>> {
    let tokens = match env::var("SADDLEBAG_RING") {
        Ok(ring) => Tokens::from_file(ring.strip_prefix("file:").unwrap_or(&ring)),
        Err(_) => {
            let (now, mut rng) = (UnixTime::now(), rand::rngs::SysRng);
            let plan = rotation::init("example", Policy::default(), now, &mut rng)?;
            Tokens::builder(KeyRingHandle::fixed(plan.ring))
        }
    };
    Ok(tokens.audience(audience).build()?)
}

/// Listens at this machine's own address, on the port that is the first argument, 3000 without one, any free one
/// for 0; and says where.
#[allow(clippy::print_stdout)]
pub async fn listener() -> Result<TcpListener, Box<dyn Error>> {
    let port = env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    Ok(listener)
}

/// Waits for Ctrl-C, or for the SIGTERM of a deploy: requests that are under way are then answered, and no session is
/// lost, since none is here.
pub async fn told_to_stop() {
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
