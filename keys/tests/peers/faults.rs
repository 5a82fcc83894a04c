//! What may happen to a request on its way to Vault, to which requests, and what is kept of each.

use std::time::Duration;

/// What happens to a request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The upstream is not asked; this is the answer.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// 200 and a JSON document of so many bytes, whose length is told.
    Oversize(usize),
    /// 200 and a body that never ends.
    Endless,
    /// The connection is closed before the upstream is asked.
    HangUp,
    /// The upstream does what it was asked, and its answer is lost: the connection is closed instead.
    LoseAnswer,
    /// The connection stays open, and neither is the upstream asked nor anything answered.
    Stall,
    /// The upstream's answer, a byte at a time with this pause before each.
    Drip(Duration),
}

impl Fault {
    /// A refusal as Vault words one, without a reason.
    pub(crate) fn status(status: u16) -> Self {
        Self::answer(status, r#"{"errors":[]}"#)
    }

    pub(crate) fn answer(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }
    }

    /// 200 with what no JSON parser takes.
    pub(crate) fn malformed() -> Self {
        Self::answer(200, r#"{"data": {"#)
    }

    /// 307 to this URL.
    pub(crate) fn redirect(url: impl Into<String>) -> Self {
        let headers = vec![("location", url.into())];
        Self::Answer { status: 307, headers, body: Vec::new() }
    }
}

/// Which requests a fault is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct When {
    method: Option<String>,
    path: Option<String>,
    left: Option<usize>,
}

impl When {
    /// All, until the faults are cleared.
    pub(crate) fn always() -> Self {
        Self::default()
    }

    /// The next `count` of them.
    pub(crate) fn next(count: usize) -> Self {
        Self { left: Some(count), ..Self::default() }
    }

    pub(crate) fn method(self, method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..self }
    }

    /// Those for this path, whatever their query; with a `*` at its end, for every path that begins so.
    pub(crate) fn path(self, path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..self }
    }

    /// Takes one of the requests that it is for.
    pub(crate) fn count_down(&mut self) {
        self.left = self.left.map(|left| left - 1);
    }

    pub(crate) fn fits(&self, method: &str, target: &str) -> bool {
        self.left != Some(0)
            && self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.path.as_deref().is_none_or(|wanted| path_fits(wanted, target))
    }
}

/// A request that came, and how much went back for it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Bytes of its head and its body.
    pub(crate) received: u64,
    /// Bytes that were written back.
    pub(crate) sent: u64,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Of one method and target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) requests: u64,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// Whether a target is for a path, as in [`When::path`].
pub(crate) fn path_fits(wanted: &str, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or(target);
    match wanted.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => path == wanted,
    }
}
