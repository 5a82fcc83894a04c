//! Sessions in gRPC: a layer around a tonic server, the token in the metadata `authorization`, and a client that keeps
//! the latest.
//!
//! ```text
//! cargo run --example tonic
//! ```
//!
//! Server and client are one program, and the service is written by hand, which `tonic-prost-build` does otherwise:
//!
//! ```text
//! service Counter {
//!   rpc Begin(Name) returns (Visits);                  // login: the first token
//!   rpc Count(google.protobuf.Empty) returns (Visits); // each call: the next
//! }
//! ```

mod common;

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::uri::PathAndQuery;
use saddlebag::{Carrier, Session, SessionLayer, SessionOrNew, SessionRejection};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

/// The session's state.
#[derive(Default, Serialize, Deserialize)]
struct State {
    count: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Name {
    #[prost(string, tag = "1")]
    name: String,
}

/// An answer. Metadata carry a bearer one way only, so that the next token is in the message.
#[derive(Clone, PartialEq, prost::Message)]
struct Visits {
    #[prost(string, tag = "1")]
    of: String,
    #[prost(uint64, tag = "2")]
    count: u64,
    #[prost(string, tag = "3")]
    token: String,
}

impl Visits {
    fn of(session: &mut Session<State>) -> Result<Response<Self>, Status> {
        let token = session.token().map_err(|error| Status::internal(error.to_string()))?;
        let of = session.subject().unwrap_or_default().to_owned();
        Ok(Response::new(Self { of, count: session.count, token }))
    }
}

/// The password was checked, let us say.
async fn begin(request: Request<Name>) -> Result<Response<Visits>, Status> {
    let SessionOrNew(mut session) =
        SessionOrNew::<State>::from_extensions(request.extensions()).map_err(refused)?;
    session.set_subject(Some(&request.get_ref().name));
    Visits::of(&mut session)
}

async fn count(request: Request<()>) -> Result<Response<Visits>, Status> {
    let mut session = Session::<State>::from_extensions(request.extensions()).map_err(refused)?;
    session.count = session.count.saturating_add(1);
    Visits::of(&mut session)
}

fn refused(rejection: SessionRejection) -> Status {
    match rejection {
        SessionRejection::NoSession { .. } => Status::unauthenticated(rejection.to_string()),
        // No layer, or two takers: a bug of this program, and nothing for its clients.
        _ => Status::internal("internal error"),
    }
}

#[derive(Clone)]
struct Counter;

impl NamedService for Counter {
    const NAME: &'static str = "example.Counter";
}

impl Service<http::Request<Body>> for Counter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            Ok(if path == BEGIN {
                let codec = ProstCodec::<Visits, Name>::default();
                tonic::server::Grpc::new(codec).unary(service_fn(begin), request).await
            } else if path == COUNT {
                let codec = ProstCodec::<Visits, ()>::default();
                tonic::server::Grpc::new(codec).unary(service_fn(count), request).await
            } else {
                Status::unimplemented(path).into_http()
            })
        })
    }
}

/// The client: what it has of the server is an address, and what it keeps is a token.
struct Client {
    channel: Channel,
    token: Option<String>,
}

impl Client {
    async fn begin(&mut self, name: &str) -> Result<Visits, Status> {
        self.call(BEGIN, Name { name: name.to_owned() }).await
    }

    async fn count(&mut self) -> Result<Visits, Status> {
        self.call(COUNT, ()).await
    }

    async fn call<M>(&mut self, path: &'static str, message: M) -> Result<Visits, Status>
    where
        M: prost::Message + 'static,
    {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            let bearer = format!("Bearer {token}").parse();
            let bearer = bearer.map_err(|_| Status::internal("a token is always ASCII"))?;
            request.metadata_mut().insert("authorization", bearer);
        }
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let codec = ProstCodec::<M, Visits>::default();
        let visits =
            grpc.unary(request, PathAndQuery::from_static(path), codec).await?.into_inner();
        self.token = Some(visits.token.clone());
        Ok(visits)
    }
}

#[tokio::main]
#[allow(clippy::print_stdout)]
async fn main() -> Result<(), Box<dyn Error>> {
    let layer = SessionLayer::<State>::new(common::tokens("grpc")?).carriers([Carrier::bearer()]);
    let server = Server::builder().layer(layer).add_service(Counter);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let channel = Channel::from_shared(format!("http://{address}"))?.connect().await?;
    let mut client = Client { channel, token: None };
    if let Err(status) = client.count().await {
        println!("without a token: {:?}, {}", status.code(), status.message());
        assert_eq!(status.code(), Code::Unauthenticated);
    }
    client.begin("alice").await?;
    for _ in 0..3 {
        let Visits { of, count, .. } = client.count().await?;
        println!("{of}: {count}");
    }
    Ok(())
}

const BEGIN: &str = "/example.Counter/Begin";
const COUNT: &str = "/example.Counter/Count";
