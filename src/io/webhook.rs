//! Sending notices to where somebody listens. The address is a secret: it is in no message.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backon::Retryable;
use reqwest::{StatusCode, redirect};
use secrecy::ExposeSecret;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use url::Url;

use super::root_cause;
use super::secrets::{self, SecretError};
use super::versori::asked_for;
use crate::model::address::is_loopback;
use crate::model::backoff::Backoff;
use crate::model::document::SecretRef;
use crate::model::json::Json;

/// How long an attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The waits between attempts.
const WAITS: Backoff = Backoff { first: Duration::from_millis(500), ceiling: Duration::from_secs(60) };

/// How long a notice is tried to be delivered before it is given up.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How many notices may wait behind the one that is being delivered.
const QUEUE: usize = 64;

/// Why a notice was not delivered. Holds nothing of the address.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is no address.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// What the reference points at cannot be used.
    #[error("what {0} holds {1}")]
    Address(SecretRef, &'static str),
    /// The client cannot be set up.
    #[error(
        "cannot set up the HTTP client: {0} (are the system's authorities installed, which come with the package \
         ca-certificates?)"
    )]
    Setup(String),
    /// It may go better soon.
    #[error("{why}")]
    Busy {
        /// What happened.
        why: String,
        /// How long the other side asks to wait.
        retry_after: Option<Duration>,
    },
    /// The other side does not want it.
    #[error("{0}")]
    Refused(String),
}

/// A receiver, with what waits to be sent to it. Notices arrive in the order in which they were handed over.
#[derive(Debug)]
pub struct Webhook {
    name: String,
    queue: Option<mpsc::Sender<Json>>,
    courier: JoinHandle<()>,
    /// Whether the queue was full last time, and it was said.
    full: bool,
}

/// Whether an address can be read through a reference, and used. Nothing is sent.
///
/// # Errors
///
/// Where it cannot.
pub fn check(reference: &SecretRef, base: &Path) -> Result<(), WebhookError> {
    let url = address(reference, base)?;
    client(&url).map(drop)
}

impl Webhook {
    /// Begins to listen for notices to send. The address is read for each attempt, so that it may be replaced at
    /// any time. Relative paths start at `base`. To be called within a runtime.
    pub fn start(reference: SecretRef, base: PathBuf) -> Self {
        let (queue, notices) = mpsc::channel(QUEUE);
        let name = reference.to_string();
        let courier = Courier { reference, base, client: Mutex::default(), failing: AtomicBool::new(false) };
        Self { name, queue: Some(queue), courier: tokio::spawn(courier.deliver(notices)), full: false }
    }

    /// Hands a notice over to be sent. Never waits: where too many wait already, it is dropped.
    pub fn send(&mut self, notice: Json) {
        let Some(queue) = &self.queue else { return };
        match queue.try_send(notice) {
            Ok(()) => self.full = false,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) if !self.full => {
                tracing::error!("more than {QUEUE} notifications to {} wait: further ones are dropped", self.name);
                self.full = true;
            }
            Err(_) => {}
        }
    }

    /// Takes no more notices. What waits is sent as long as this is not dropped.
    pub fn close(&mut self) {
        self.queue = None;
    }

    /// Waits until everything was sent or given up.
    pub async fn finished(&mut self) {
        let _ = (&mut self.courier).await;
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.courier.abort();
    }
}

/// Sends one notice after the other.
struct Courier {
    reference: SecretRef,
    base: PathBuf,
    /// The client for the address that was used last.
    client: Mutex<Option<(Url, reqwest::Client)>>,
    /// Whether the last attempt failed, and it was said.
    failing: AtomicBool,
}

impl Courier {
    async fn deliver(self, mut notices: mpsc::Receiver<Json>) {
        while let Some(notice) = notices.recv().await {
            let event = notice.get("event").and_then(Json::as_str).unwrap_or_default().to_owned();
            match self.deliver_one(&notice).await {
                Ok(()) if self.failing.swap(false, Ordering::Relaxed) => {
                    tracing::info!("notifications to {} are delivered again", self.reference);
                }
                Ok(()) => tracing::debug!("the notification {event} was delivered to {}", self.reference),
                Err(error) => {
                    tracing::error!("the notification {event} to {} was not delivered: {error}", self.reference);
                }
            }
        }
    }

    /// Sends a notice, again and again while that may help.
    async fn deliver_one(&self, notice: &Json) -> Result<(), WebhookError> {
        let deadline = Instant::now() + PATIENCE;
        (|| self.attempt(notice))
            .retry((1..).map(|failures| WAITS.wait(failures, fastrand::f64())))
            .sleep(tokio::time::sleep)
            .when(|error| matches!(error, WebhookError::Busy { .. }))
            .adjust(|error, wait| {
                let asked = if let WebhookError::Busy { retry_after, .. } = error { *retry_after } else { None };
                let wait = asked.map_or(wait, |asked| Some(asked.max(wait?)))?;
                (Instant::now() + wait < deadline).then_some(wait)
            })
            .await
    }

    async fn attempt(&self, notice: &Json) -> Result<(), WebhookError> {
        let result = self.post(notice).await;
        if let Err(error @ WebhookError::Busy { .. }) = &result
            && !self.failing.swap(true, Ordering::Relaxed)
        {
            tracing::warn!("a notification to {} is not delivered yet, and is tried again: {error}", self.reference);
        }
        result
    }

    async fn post(&self, notice: &Json) -> Result<(), WebhookError> {
        let url = address(&self.reference, &self.base)?;
        let request = self.client_for(&url)?.post(url.clone()).json(notice);
        let answer = request.send().await.map_err(|error| transport_error(&error, &url))?;
        let status = answer.status();
        let why = format!("it answers {}", status.as_u16());
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(busy(why, asked_for(answer.headers()))),
            _ if status.is_server_error() => Err(busy(why, asked_for(answer.headers()))),
            _ if status.is_redirection() => {
                Err(WebhookError::Refused(format!("{why}, which leads elsewhere, and is not followed")))
            }
            _ => Err(WebhookError::Refused(why)),
        }
    }

    fn client_for(&self, url: &Url) -> Result<reqwest::Client, WebhookError> {
        let mut last = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match &*last {
            Some((known, client)) if known == url => client.clone(),
            _ => client(url)?,
        };
        *last = Some((url.clone(), client.clone()));
        Ok(client)
    }
}

fn busy(why: String, retry_after: Option<Duration>) -> WebhookError {
    WebhookError::Busy { why, retry_after }
}

/// What happened, in words of our own: the error's name the address. Why it happened may name the host.
fn transport_error(error: &reqwest::Error, url: &Url) -> WebhookError {
    let cause = root_cause(error).replace(url.host_str().unwrap_or_default(), "…");
    let why = match (error.is_connect(), error.is_timeout()) {
        (true, true) => format!("it cannot be reached within {CONNECT_TIMEOUT:?}"),
        (true, false) => format!("it cannot be reached: {cause}"),
        (false, true) => format!("it gave no answer within {TIMEOUT:?}"),
        (false, false) => format!("the connection broke: {cause}"),
    };
    busy(why, None)
}

/// The address that a reference points at.
fn address(reference: &SecretRef, base: &Path) -> Result<Url, WebhookError> {
    let text = secrets::read(reference, base)?;
    let refuse = |why| Err(WebhookError::Address(reference.clone(), why));
    match Url::parse(text.expose_secret()) {
        Ok(url) if !url.has_host() => refuse("is not a URL"),
        Ok(url) if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) => Ok(url),
        Ok(url) if url.scheme() == "http" => {
            refuse("is not an https URL: the notices would cross the network unencrypted")
        }
        Ok(_) | Err(_) => refuse("is not an https URL"),
    }
}

fn client(url: &Url) -> Result<reqwest::Client, WebhookError> {
    // The process may hold several clients; the first one chooses the provider for all.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("versync/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        // Notices are rare: a connection that is kept would be dead by the next one.
        .pool_max_idle_per_host(0);
    if is_loopback(url) {
        // Proxies from the environment would otherwise be asked for this very machine.
        builder = builder.no_proxy();
    }
    if url.scheme() == "http" {
        // A machine without any authorities can do without them here.
        builder = builder.tls_certs_only(Vec::new());
    }
    builder.build().map_err(|error| WebhookError::Setup(root_cause(&error)))
}
