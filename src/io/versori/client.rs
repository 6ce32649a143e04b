//! Sending requests: one client, its connections and limits, and what can go wrong.

mod errors;
mod pages;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backon::Retryable;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Certificate, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::Instant;
use url::Url;

use super::error::{ApiError, ErrorKind};
use super::meter::Meter;
use super::request::Request;
use super::retry::{self, Allowance};
use super::token::{Credentials, Token};
use super::urls::Urls;
use crate::io::root_cause;
use crate::model::address::is_loopback;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Shorter than servers keep idle connections, so that none is used while the other side closes it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The largest answer that is read, counted after decompression.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// What is needed to talk to the platform.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Where the two APIs are.
    pub base_url: Url,
    /// The organisation's ULID.
    pub organisation: String,
    /// Who is asking.
    pub credentials: Arc<Credentials>,
    /// How many requests may be under way at once.
    pub concurrency: usize,
    /// How many requests may be begun in a second; 0 for no limit.
    pub requests_per_second: u32,
    /// How long one request may take.
    pub timeout: Duration,
    /// A PEM file with authorities that are trusted beside those of the system.
    pub ca_certificate: Option<PathBuf>,
}

/// The certificates of a PEM file, of which there has to be at least one.
fn certificates(path: &Path) -> Result<Vec<Certificate>, ApiError> {
    let refuse = |why: String| {
        let message = format!("api.ca_certificate: {} {why}", path.display());
        ApiError::new(ErrorKind::Setup, "", message)
    };
    let pem = std::fs::read(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if found.is_empty() => Err(refuse("holds no certificate in PEM form".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(refuse(format!("is no PEM file: {}", root_cause(&error)))),
    }
}

/// An answer as it came.
struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// The one HTTP client of a process.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    connection: Connection,
    urls: Urls,
    permits: Semaphore,
    retries: Allowance,
    meter: Meter,
    /// When the next request may begin, where their rate is limited.
    next_start: Mutex<Instant>,
}

impl Client {
    /// Sets a client up; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Where the certificates of the system or the settings cannot be loaded.
    pub fn new(connection: Connection) -> Result<Self, ApiError> {
        // The process may hold several clients; the first one chooses the provider for all.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("versync/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(connection.timeout)
            .pool_idle_timeout(IDLE_TIMEOUT);
        if is_loopback(&connection.base_url) {
            // Proxies from the environment would otherwise be asked for this very machine.
            builder = builder.no_proxy();
        }
        if connection.base_url.scheme() == "http" {
            // A machine without any authorities can do without them here.
            builder = builder.tls_certs_only(Vec::new());
        } else if let Some(path) = &connection.ca_certificate {
            builder = builder.tls_certs_merge(certificates(path)?);
        }
        let http = builder.build().map_err(|error| {
            let why = root_cause(&error);
            let hint = "are the system's authorities installed, which come with the package ca-certificates?";
            ApiError::new(ErrorKind::Setup, "", format!("cannot set up the HTTP client: {why} ({hint})"))
        })?;
        let urls = Urls::below(connection.base_url.clone(), connection.organisation.clone());
        let permits = Semaphore::new(connection.concurrency.max(1));
        let (retries, meter, next_start) = (Allowance::default(), Meter::default(), Mutex::new(Instant::now()));
        Ok(Self { http, connection, urls, permits, retries, meter, next_start })
    }

    /// Counts requests where somebody looks.
    #[must_use]
    pub fn counted_by(self, meter: Meter) -> Self {
        Self { meter, ..self }
    }

    /// How many requests are under way at once, at most.
    pub(super) fn at_once(&self) -> usize {
        self.connection.concurrency.max(1)
    }

    /// The organisation that every request is about.
    pub(super) fn organisation(&self) -> &str {
        &self.connection.organisation
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    ///
    /// Everything but a success with the expected body.
    pub(super) async fn send<T: DeserializeOwned>(&self, request: &Request) -> Result<T, ApiError> {
        let body = self.exchange(request, None).await?;
        self.read(request, &body)
    }

    /// The same for an answer that takes time to read: where requests wait for their turn, they are sent first, so that the
    /// platform is at work meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Self::send`].
    pub(super) async fn send_and_read_later<T: DeserializeOwned>(&self, request: &Request) -> Result<T, ApiError> {
        let body = self.exchange(request, None).await?;
        tokio::task::yield_now().await;
        self.read(request, &body)
    }

    /// Sends a request of whose answer only the success matters.
    ///
    /// # Errors
    ///
    /// Everything but a success.
    pub(super) async fn send_for_status(&self, request: &Request) -> Result<(), ApiError> {
        self.exchange(request, None).await.map(drop)
    }

    /// Sends a request whose success is what matters; an answer that is not as documented is taken for none.
    ///
    /// # Errors
    ///
    /// Everything but a success.
    pub(super) async fn send_and_read_if_any<T: DeserializeOwned + Default>(
        &self,
        request: &Request,
    ) -> Result<T, ApiError> {
        let body = self.exchange(request, None).await?;
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Takes an answer apart.
    ///
    /// # Errors
    ///
    /// Where it is not as documented.
    pub(super) fn read<T: DeserializeOwned>(&self, request: &Request, body: &[u8]) -> Result<T, ApiError> {
        serde_json::from_slice(body).map_err(|error| {
            // The error's text may quote the answer, so only its place is told.
            self.malformed(
                request,
                format!("not the documented JSON at line {}, column {}", error.line(), error.column()),
            )
        })
    }

    /// One of the requests that may be under way at once.
    async fn turn(&self, request: &Request) -> Result<SemaphorePermit<'_>, ApiError> {
        let turn = self.permits.acquire().await;
        turn.map_err(|_| self.error(ErrorKind::Setup, request, "the client is closed"))
    }

    /// Sends a request when it is its turn, and sends it again where that does no harm and may help.
    async fn exchange(&self, request: &Request, turn: Option<&SemaphorePermit<'_>>) -> Result<Vec<u8>, ApiError> {
        let deadline = Instant::now() + retry::PATIENCE;
        let once = async || {
            let _turn = if turn.is_none() { Some(self.turn(request).await?) } else { None };
            self.exchange_once(request).await
        };
        once.retry(retry::waits())
            .sleep(tokio::time::sleep)
            .when(|error| retry::may_repeat(request, error) && self.retries.take())
            .adjust(|error, wait| retry::wait(error, wait?, deadline.saturating_duration_since(Instant::now())))
            .notify(|error, wait| {
                self.meter.repeated(request);
                tracing::debug!("sent again in {wait:?}: {error}");
            })
            .await
    }

    async fn exchange_once(&self, request: &Request) -> Result<Vec<u8>, ApiError> {
        self.wait_for_turn().await;
        let token = self.connection.credentials.current();
        let token = token.map_err(|error| self.error(ErrorKind::Setup, request, error.to_string()))?;
        let mut answer = self.attempt(request, &token).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            // What is refused so was not executed: it can be sent again, whatever it does.
            match self.connection.credentials.instead_of(&token) {
                Ok(Some(other)) => {
                    self.wait_for_turn().await;
                    answer = self.attempt(request, &other).await?;
                }
                Ok(None) => {}
                Err(error) => return Err(self.refused_for_good(request, &error)),
            }
        }
        if !answer.status.is_success() {
            return Err(self.status_error(request, &answer));
        }
        self.retries.earn();
        Ok(answer.body)
    }

    /// Sends a request once, and counts it.
    async fn attempt(&self, request: &Request, token: &Token) -> Result<Answer, ApiError> {
        let result = self.ask(request, token).await;
        match &result {
            Ok(answer) => self.meter.answered(request, answer.status.as_u16()),
            Err(error) => self.meter.unanswered(request, error.kind),
        }
        result
    }

    async fn ask(&self, request: &Request, token: &Token) -> Result<Answer, ApiError> {
        let mut builder = self
            .http
            .request(request.method.clone(), self.url(request)?)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(AUTHORIZATION, self.authorization(request, token)?);
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let began = Instant::now();
        let response = builder.send().await.map_err(|error| self.transport_error(request, &error))?;
        let status = response.status();
        let retry_after = retry::asked_for(response.headers());
        let body = self.read_body(request, response).await?;
        if tracing::enabled!(tracing::Level::TRACE) {
            let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let (what, code) = (request.describe(), status.as_u16());
            tracing::trace!(
                request = what,
                status = code,
                milliseconds,
                "answered {code} within {milliseconds} ms: {what}"
            );
        }
        Ok(Answer { status, retry_after, body })
    }

    /// Spreads the beginnings of requests evenly where their rate is limited.
    async fn wait_for_turn(&self) {
        if self.connection.requests_per_second == 0 {
            return;
        }
        let gap = Duration::from_secs(1) / self.connection.requests_per_second;
        let turn = {
            let mut next = self.next_start.lock().await;
            let turn = (*next).max(Instant::now());
            *next = turn + gap;
            turn
        };
        tokio::time::sleep_until(turn).await;
    }

    fn url(&self, request: &Request) -> Result<Url, ApiError> {
        self.urls.of(request).map_err(|(kind, message)| self.error(kind, request, message))
    }

    fn authorization(&self, request: &Request, token: &Token) -> Result<HeaderValue, ApiError> {
        let mut value = HeaderValue::try_from(token.header()).map_err(|_| {
            let origin = self.connection.credentials.origin();
            let message = format!("the token from {origin} holds characters that no header can carry");
            self.error(ErrorKind::Setup, request, message)
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    async fn read_body(&self, request: &Request, mut response: Response) -> Result<Vec<u8>, ApiError> {
        let expected = response.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = Vec::with_capacity(expected.unwrap_or_default().min(MAX_ANSWER_BYTES));
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER_BYTES => {
                    return Err(self.malformed(request, format!("it is larger than {MAX_ANSWER_BYTES} bytes")));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body),
                Err(error) => return Err(self.transport_error(request, &error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
