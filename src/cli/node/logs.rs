//! What is logged, how, and where traces go.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::cli::failure::Failure;
use crate::service::SPANS;

/// Logs and traces.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logs and traces")]
pub(in crate::cli) struct LogArgs {
    /// What is logged to standard error: error, warn, info, debug, or a filter of tracing's
    #[arg(long, env = "SADDLEBAG_LOG", value_name = "FILTER", default_value = "info")]
    log: String,

    /// How it is written
    #[arg(long, env = "SADDLEBAG_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    log_format: Format,

    /// Logs a line a request, at info
    #[arg(long, env = "SADDLEBAG_LOG_REQUESTS")]
    pub(in crate::cli) log_requests: bool,

    /// Sends a trace a request to an OpenTelemetry collector, by OTLP over HTTP: http://127.0.0.1:4318
    #[arg(long, env = "SADDLEBAG_OTLP", value_name = "URL", value_parser = collector)]
    pub(in crate::cli) otlp: Option<String>,
}

/// How lines of the log are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// An object a line, for programs
    Json,
}

/// Traces that are still to be sent.
pub(in crate::cli) struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Sends what is left. Blocks, for some seconds at most.
    pub(in crate::cli) fn end(self) {
        if let Some(Err(error)) = self.0.map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

impl LogArgs {
    fn filter(&self) -> Result<EnvFilter, Failure> {
        // It quotes paths that are no paths, and whatever is in them: only for who names it.
        let quiet = if self.log.contains("h2") { "" } else { ",h2=info" };
        EnvFilter::try_new(format!("{}{quiet}", self.log)).map_err(|error| {
            Failure::usage(
                format!("--log {:?} is no filter: {error}", self.log),
                "say --log info, or for one part of the program --log info,saddlebag::service=debug",
            )
        })
    }

    /// What keeps it from beginning, where something does.
    pub(in crate::cli) fn complaint(&self) -> Option<Failure> {
        let filter = self.filter().err();
        filter.or_else(|| self.otlp.as_deref().and_then(|otlp| provider(otlp).err()))
    }

    /// Begins to log, and to trace where that is asked for. Not within a runtime: the exporter blocks.
    pub(in crate::cli) fn begin(&self) -> Result<Traces, Failure> {
        let provider = self.otlp.as_deref().map(provider).transpose()?;
        // Fails where a log is set up already, which is then as good.
        let _ = self.subscriber(provider.as_ref())?.try_init();
        Ok(Traces(provider))
    }

    /// Each filter says up to which level it takes anything: without that every span of h2's, of which there are some
    /// twenty a request, would be made, to be shown to nobody.
    fn subscriber(
        &self,
        provider: Option<&SdkTracerProvider>,
    ) -> Result<impl Subscriber + Send + Sync + use<>, Failure> {
        // Spans of requests are for the collector; their lines say what there is to say already.
        let others = filter_fn(|facts| facts.target() != SPANS);
        let filter = self.filter()?.and(others.with_max_level_hint(LevelFilter::TRACE));
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal());
        let lines: Box<dyn Layer<Registry> + Send + Sync> = match self.log_format {
            Format::Text => lines.with_filter(filter).boxed(),
            Format::Json => lines
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .with_filter(filter)
                .boxed(),
        };
        let spans = filter_fn(|facts| facts.target() == SPANS);
        let spans = spans.with_max_level_hint(LevelFilter::INFO);
        let traces = provider.map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("saddlebag"))
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_filter(spans)
        });
        Ok(tracing_subscriber::registry().with(lines).with(traces))
    }
}

/// Spans in batches, from a thread of their own. `OTEL_…` variables say the rest: the service's name, the
/// sampler, headers, time-outs.
fn provider(collector: &str) -> Result<SdkTracerProvider, Failure> {
    // The exporter's HTTP client asks for one, although it speaks in clear; one that is there already will do.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", collector.trim_end_matches('/')))
        .build()
        .map_err(|error| {
            Failure::usage(
                format!("--otlp {collector}: {error}"),
                "give the address of a collector of this machine: http://127.0.0.1:4318",
            )
        })?;
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name("saddlebag");
    }
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build())
}

fn collector(text: &str) -> Result<String, String> {
    let address = text.strip_prefix("http://").unwrap_or_default();
    if address.is_empty() || address.contains(['?', '#', '@', ' ']) {
        return Err(
            "a collector is http://HOST:PORT: plain HTTP, so one on this machine or beside it"
                .to_owned(),
        );
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// h2 begins spans at trace for each frame: they were all made, and cost three times what the request did.
    #[test]
    fn nothing_below_the_level_that_was_asked_for_is_made() {
        for log_format in [Format::Text, Format::Json] {
            for (log, level) in
                [("error", LevelFilter::INFO), ("saddlebag=debug", LevelFilter::DEBUG)]
            {
                for provider in [None, Some(SdkTracerProvider::builder().build())] {
                    let log = log.to_owned();
                    let arguments = LogArgs { log, log_format, log_requests: false, otlp: None };
                    let subscriber = arguments.subscriber(provider.as_ref()).unwrap();
                    assert_eq!(subscriber.max_level_hint(), Some(level), "{}", arguments.log);
                }
            }
        }
    }
}
