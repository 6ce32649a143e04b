//! The status page of `versync run`: there or not, and where, as the settings say.

use std::net::SocketAddr;
use std::time::Duration;

use super::context::Context;
use crate::daemon::Moment;
use crate::status_page::{ListenError, Listener, Publisher, Server};

/// How often the loop shows the page that it goes round.
const PULSE: Duration = Duration::from_secs(30);

/// The status page, where there is one.
pub(super) struct Page(Option<(Publisher, Server)>);

/// Where the page is to be served from now on.
pub(super) enum Serve {
    /// Where it was, if it was anywhere.
    AsBefore,
    /// Nowhere any more.
    Nowhere,
    /// Here.
    At(Listener),
}

impl Serve {
    /// What has to be done for the page to move. The new address is listened on already.
    pub(super) fn instead(old: Option<SocketAddr>, new: Option<SocketAddr>) -> Result<Self, ListenError> {
        match new {
            _ if new == old => Ok(Serve::AsBefore),
            Some(address) => Listener::bind(address).map(Serve::At),
            None => Ok(Serve::Nowhere),
        }
    }
}

impl Page {
    /// Serves the page where the settings ask for it.
    pub(super) fn open(context: &Context) -> Result<Self, ListenError> {
        let mut page = Self(None);
        page.serve(Serve::instead(None, context.settings.http.listen)?, context)?;
        Ok(page)
    }

    /// None, whatever the settings ask for.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Serves it elsewhere, or no more. What it has seen so far stays.
    pub(super) fn serve(&mut self, serve: Serve, context: &Context) -> Result<(), ListenError> {
        self.0 = match serve {
            Serve::AsBefore => return Ok(()),
            Serve::Nowhere => None,
            Serve::At(listener) => {
                let publisher = match self.0.take() {
                    Some((publisher, _)) => publisher,
                    None => Publisher::new(context.state().map(ToOwned::to_owned), context.meter()),
                };
                let server = Server::start(listener, publisher.published())?;
                Some((publisher, server))
            }
        };
        Ok(())
    }

    /// How often the loop has to show that it goes round.
    pub(super) fn pulse(&self) -> Option<Duration> {
        self.0.as_ref().map(|_| PULSE)
    }

    /// Tells it what happens. `writes` is whether the loop may write.
    pub(super) fn note(&mut self, moment: &Moment<'_>, writes: bool) {
        if let Some((publisher, _)) = &mut self.0 {
            publisher.note(moment, writes);
        }
    }
}
