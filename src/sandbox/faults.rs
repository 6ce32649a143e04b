//! What goes wrong with requests on purpose, so that a client can be seen to bear it.

use std::str::FromStr;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::answer::Refusal;

/// How long a slow answer takes.
const SLOW: Duration = Duration::from_secs(2);

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is refused with 429 and a `Retry-After` of one second.
    TooMany,
    /// It is not executed, and a proxy answers 500 with a page of HTML.
    Broken,
    /// It is not executed, and the connection breaks.
    Reset,
    /// It is executed, and the connection breaks before the answer.
    Lost,
    /// It is executed, and the answer takes two seconds.
    Slow,
    /// It is executed, and a page of HTML comes in place of the answer, as a success.
    Html,
}

impl Fault {
    const ALL: [(&str, Fault); 6] = [
        ("429", Fault::TooMany),
        ("500", Fault::Broken),
        ("reset", Fault::Reset),
        ("lost", Fault::Lost),
        ("slow", Fault::Slow),
        ("html", Fault::Html),
    ];

    /// The answer to a request that is not executed; nothing where it is.
    pub(super) fn instead(self) -> Option<Response> {
        match self {
            Fault::TooMany => {
                let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "slow down");
                let mut response = refusal.into_response();
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
                Some(response)
            }
            Fault::Broken => Some((StatusCode::INTERNAL_SERVER_ERROR, page()).into_response()),
            Fault::Reset => Some(breaking_off()),
            Fault::Lost | Fault::Slow | Fault::Html => None,
        }
    }

    /// What becomes of the answer to a request that was executed.
    pub(super) async fn spoil(self, answer: Response) -> Response {
        match self {
            Fault::Lost => breaking_off(),
            Fault::Html => page().into_response(),
            Fault::Slow => {
                tokio::time::sleep(SLOW).await;
                answer
            }
            Fault::TooMany | Fault::Broken | Fault::Reset => answer,
        }
    }
}

fn page() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/html")], "<html><body><h1>Something went wrong</h1></body></html>")
}

/// An answer of which nothing but the head arrives.
fn breaking_off() -> Response {
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    Response::new(Body::from_stream(stream::once(async { Err::<Vec<u8>, _>(broken) })))
}

/// How often each fault comes up. Which request gets which is decided by chance, and the same every time for
/// the same seed and order of requests.
#[derive(Debug, Clone)]
pub struct Faults {
    shares: Vec<(Fault, f64)>,
    rng: fastrand::Rng,
}

impl Faults {
    /// The same shares, decided by another seed.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.rng = fastrand::Rng::with_seed(seed);
        self
    }

    /// What happens to the next request.
    pub(super) fn next(&mut self) -> Option<Fault> {
        let mut left = self.rng.f64() * 100.0;
        self.shares.iter().find_map(|(fault, share)| {
            left -= share;
            (left < 0.0).then_some(*fault)
        })
    }
}

impl FromStr for Faults {
    type Err = String;

    /// `429=5,lost=2`: so many of a hundred requests.
    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Fault::ALL.map(|(name, _)| name).join(", ");
        let mut shares: Vec<(Fault, f64)> = Vec::new();
        for part in text.split(',') {
            let (name, share) = part.split_once('=').ok_or_else(|| format!("{part:?} is not NAME=PERCENT"))?;
            let fault = Fault::ALL.iter().find(|(known, _)| *known == name.trim());
            let (_, fault) = fault.ok_or_else(|| format!("there is no fault {name:?}: there are {}", known()))?;
            let share: f64 = share.trim().parse().map_err(|_| format!("{share:?} is no number"))?;
            if !(0.0..=100.0).contains(&share) {
                return Err(format!("{share} is no share of a hundred"));
            }
            shares.push((*fault, share));
        }
        if shares.iter().map(|(_, share)| share).sum::<f64>() > 100.0 {
            return Err("the shares are more than a hundred together".to_owned());
        }
        Ok(Self { shares, rng: fastrand::Rng::with_seed(0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_and_a_seed_makes_the_same_faults() {
        let faults: Faults = "429=5, lost=20".parse().unwrap();
        let mut first = faults.clone().seeded(7);
        let mut second = faults.seeded(7);
        let drawn: Vec<_> = (0..10_000).map(|_| first.next()).collect();
        assert_eq!(drawn, (0..10_000).map(|_| second.next()).collect::<Vec<_>>());
        let count = |wanted| drawn.iter().filter(|fault| **fault == wanted).count();
        assert!((400..600).contains(&count(Some(Fault::TooMany))));
        assert!((1800..2200).contains(&count(Some(Fault::Lost))));
        assert_eq!(count(Some(Fault::Slow)), 0);
    }

    #[test]
    fn what_is_no_share_of_a_fault_is_refused() {
        for (text, why) in [
            ("", "\"\" is not NAME=PERCENT"),
            ("flood=1", "there is no fault \"flood\": there are 429, 500, reset, lost, slow, html"),
            ("lost=x", "\"x\" is no number"),
            ("lost=-1", "-1 is no share of a hundred"),
            ("lost=60,slow=60", "the shares are more than a hundred together"),
        ] {
            assert_eq!(text.parse::<Faults>().unwrap_err(), why);
        }
    }
}
