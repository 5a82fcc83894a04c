//! The thread that talks to Vault: whoever calls the store waits for it, in an async runtime or outside.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::client::Client;
use crate::store::StoreErrorKind;

type Job = Box<dyn FnOnce(&mut Client, &tokio::runtime::Runtime) + Send>;

pub(super) struct Worker {
    jobs: Sender<Job>,
}

impl Worker {
    /// A thread of its own for `client`, which ends with the worker.
    pub(super) fn start(mut client: Client) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (jobs, received) = mpsc::channel::<Job>();
        thread::Builder::new().name("saddlebag-vault".into()).spawn(move || {
            loop {
                let due = client.renewal_due_in().unwrap_or(Duration::from_secs(3_600));
                match received.recv_timeout(due) {
                    Ok(job) => job(&mut client, &runtime),
                    Err(RecvTimeoutError::Timeout) => runtime.block_on(client.renew_if_due()),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Self { jobs })
    }

    /// Does `work` there, and waits for what comes of it.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl AsyncFnOnce(&mut Client) -> Result<T, StoreErrorKind> + Send + 'static,
    ) -> Result<T, StoreErrorKind> {
        let (answer, answered) = mpsc::sync_channel(1);
        let job: Job = Box::new(move |client, runtime| {
            let _ = answer.send(runtime.block_on(work(client)));
        });
        let gone =
            || StoreErrorKind::Unavailable("the thread that talks to Vault has ended".to_owned());
        self.jobs.send(job).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}
