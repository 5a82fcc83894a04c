//! Sessions without a framework: a tower service, a layer, and hyper that serves them.
//!
//! ```text
//! cargo run --example tower_only                 # http://127.0.0.1:3000/
//! ```

mod common;

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use saddlebag::{Session, SessionLayer, SessionOrNew, SessionRejection};
use serde::{Deserialize, Serialize};
use tower::{Layer, service_fn};

#[derive(Default, Serialize, Deserialize)]
struct Visits {
    count: u64,
}

/// Nothing here is hyper's: any body, any server.
async fn answer<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let answered = match request.uri().path() {
        "/" => visit(&request),
        "/end" => end(&request),
        _ => Ok((StatusCode::NOT_FOUND, "nothing is here\n".to_owned())),
    };
    let (status, text) = answered.unwrap_or_else(|rejected| match rejected {
        SessionRejection::NoSession { .. } => (StatusCode::UNAUTHORIZED, format!("{rejected}\n")),
        // No layer, or two takers: a bug of this program, and nothing for its clients.
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n".to_owned()),
    });
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    Ok(response)
}

/// Whoever comes has a session, or gets one.
fn visit<B>(request: &Request<B>) -> Result<(StatusCode, String), SessionRejection> {
    let SessionOrNew(mut visits) = SessionOrNew::<Visits>::from_extensions(request.extensions())?;
    visits.count = visits.count.saturating_add(1);
    // Here it lets go of the session, before it answers: the layer then has what changed.
    Ok((StatusCode::OK, format!("visit {}\n", visits.count)))
}

/// Only who has one can end it.
fn end<B>(request: &Request<B>) -> Result<(StatusCode, String), SessionRejection> {
    let session = Session::<Visits>::from_extensions(request.extensions())?;
    let text = format!("goodbye after {} visits\n", session.count);
    session.destroy();
    Ok((StatusCode::OK, text))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let layer = SessionLayer::<Visits>::new(common::tokens("tower")?);
    let service = TowerToHyperService::new(layer.layer(service_fn(answer)));
    let listener = common::listener().await?;
    let mut server = Builder::new(TokioExecutor::new());
    // Who sends its head a byte at a time is not waited for: off until a timer is set.
    server.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
    let connections = GracefulShutdown::new();
    let mut told_to_stop = std::pin::pin!(common::told_to_stop());
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = &mut told_to_stop => break,
        };
        let connection = server.serve_connection(TokioIo::new(stream), service.clone());
        let connection = connections.watch(connection.into_owned());
        // What goes wrong with a connection is its client's.
        tokio::spawn(async move { connection.await.ok() });
    }
    drop(listener);
    connections.shutdown().await;
    Ok(())
}
