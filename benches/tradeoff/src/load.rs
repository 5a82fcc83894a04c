//! Users with sessions: each knows what its counter must be, so that a session that is lost and an answer that is wrong
//! are seen.
//!
//! The users log in, `ready` is printed, and a line on standard input lets them go on; the outcome is printed as JSON.

mod outcome;
mod user;
mod wire;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::task::LocalSet;

use outcome::Outcome;
use user::User;
use wire::Wire;

#[derive(Args, Clone)]
pub struct Options {
    target: SocketAddr,
    /// Where the users log in, if elsewhere: what follows is then asked on new connections.
    #[arg(long)]
    login_at: Option<SocketAddr>,
    /// Of the state, as JSON.
    #[arg(long, default_value_t = 256)]
    bytes: usize,
    #[arg(long, default_value_t = 64)]
    users: usize,
    #[arg(long, default_value_t = 16)]
    connections: usize,
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Requests a second of all; without it, each connection asks again as soon as it is answered.
    #[arg(long)]
    rate: Option<f64>,
    #[arg(long)]
    http2: bool,
    /// The session rides in a header, and not in a cookie.
    #[arg(long)]
    header: bool,
    /// One request of so many needs the session; the others are sent without, where it rides in a header.
    #[arg(long, default_value_t = 1)]
    one_of: usize,
    /// One request of so many changes the session.
    #[arg(long, default_value_t = 10)]
    change: usize,
    /// Ends after so many requests of each connection.
    #[arg(long)]
    requests: Option<usize>,
}

pub async fn run(options: Options) {
    let local = LocalSet::new();
    local.run_until(all(options)).await;
}

async fn all(options: Options) {
    let mut workers = Vec::new();
    for worker in 0..options.connections {
        let mut wire = Wire::new(
            options.login_at.unwrap_or(options.target),
            options.http2 && options.login_at.is_none(),
        );
        let users = (worker..options.users.max(options.connections)).step_by(options.connections);
        let mut users: Vec<User> = users.map(|_| User::new(&options)).collect();
        for user in &mut users {
            // Sessions are told apart by what is asked after the login: a cookie that no browser keeps is none.
            if let Err(why) = user.begin(&mut wire).await {
                println!("{}", serde_json::json!({ "carried": false, "why": why }));
                return;
            }
        }
        if options.login_at.is_some() {
            wire = Wire::new(options.target, options.http2);
        }
        workers.push((wire, users));
    }
    println!("ready");
    let mut lines = BufReader::new(stdin()).lines();
    lines.next_line().await.expect("a line");

    let outcome = Rc::new(RefCell::new(Outcome::new(Instant::now())));
    let before: (u64, u64) = sum(workers.iter().map(|(wire, _)| wire.counts()));
    let tasks: Vec<_> = workers
        .into_iter()
        .enumerate()
        .map(|(index, (wire, users))| {
            tokio::task::spawn_local(work(index, wire, users, options.clone(), Rc::clone(&outcome)))
        })
        .collect();
    let mut wires = Vec::new();
    for task in tasks {
        wires.push(task.await.expect("a worker"));
    }
    let after = sum(wires.iter().map(Wire::counts));
    println!("{}", outcome.borrow_mut().told((after.0 - before.0, after.1 - before.1)));
}

fn sum(counts: impl Iterator<Item = (u64, u64)>) -> (u64, u64) {
    counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
}

/// One connection, whose users ask in turn.
async fn work(
    index: usize,
    mut wire: Wire,
    mut users: Vec<User>,
    options: Options,
    outcome: Rc<RefCell<Outcome>>,
) -> Wire {
    let began = outcome.borrow().began();
    let ends = began + Duration::from_secs_f64(options.seconds);
    let every = options.rate.map(|rate| Duration::from_secs_f64(options.connections as f64 / rate));
    let of_this = every
        .map_or(Duration::ZERO, |every| every.mul_f64(index as f64 / options.connections as f64));
    for number in 0..options.requests.unwrap_or(usize::MAX) {
        // At a rate, the time of a request begins when it should have been sent: who waits for a slow server waits.
        let due = match every {
            Some(every) => began + of_this + every.mul_f64(number as f64),
            None => Instant::now(),
        };
        if due >= ends {
            break;
        }
        // Tokio's timer wakes up to a millisecond late, for which no server can be blamed.
        let waits = every.is_some() && due > Instant::now();
        if waits {
            tokio::time::sleep_until(due.into()).await;
        }
        let due = if waits { Instant::now() } else { due };
        let turn = number % users.len();
        let seen = users[turn].ask(&mut wire).await;
        let done = due.elapsed();
        outcome.borrow_mut().add(seen, done);
    }
    wire
}
