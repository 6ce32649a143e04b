//! Lists, page by page.

use std::iter;

use futures_util::StreamExt;
use futures_util::stream;
use serde::de::DeserializeOwned;

use super::Client;
use crate::io::versori::error::ApiError;
use crate::io::versori::request::Request;
use crate::io::versori::wire::Page;

/// More pages than this are a cursor that runs in circles.
const MAX_PAGES: usize = 10_000;

impl Client {
    /// Reads a list to its end. Its pages can only come one after the other: once it is its turn it goes on, since
    /// each page would wait for everything else that waits meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Self::send`], and where the list turns out to be incomplete.
    pub(in crate::io::versori) async fn all_pages<T: DeserializeOwned>(
        &self,
        request: impl Fn(Option<&str>) -> Request,
    ) -> Result<Vec<T>, ApiError> {
        self.all_pages_read(request, Vec::new(), |request, body, _| self.read(request, body)).await
    }

    /// The same, where `read` takes an answer apart that belongs at a place of the list. Where pages have begun before is
    /// foreseen: these are asked for side by side, and each counts if the page before says now that the list goes on
    /// with it. So what comes of it is what had come of one after the other.
    ///
    /// # Errors
    ///
    /// As [`Self::all_pages`], and those of `read`.
    pub(in crate::io::versori) async fn all_pages_read<T>(
        &self,
        request: impl Fn(Option<&str>) -> Request,
        foreseen: Vec<String>,
        read: impl Fn(&Request, &[u8], usize) -> Result<Page<T>, ApiError>,
    ) -> Result<Vec<T>, ApiError> {
        let mut ahead = (!foreseen.is_empty()).then(|| {
            let cursors = iter::once(None).chain(foreseen.into_iter().map(Some));
            let ask = async |after: Option<String>| {
                let body = self.exchange(&request(after.as_deref()), None).await;
                (after, body)
            };
            Box::pin(stream::iter(cursors).map(ask).buffered(self.at_once()))
        });
        let (mut items, mut after, mut turn) = (Vec::new(), None::<String>, None);
        for _ in 0..MAX_PAGES {
            let asked = match &mut ahead {
                Some(ahead) => ahead.next().await.filter(|(cursor, _)| *cursor == after),
                None => None,
            };
            let request = request(after.as_deref());
            let body = if let Some((_, body)) = asked {
                body?
            } else {
                // Those that are under way would keep their turns.
                ahead = None;
                if turn.is_none() {
                    turn = Some(self.turn(&request).await?);
                }
                self.exchange(&request, turn.as_ref()).await?
            };
            let page = read(&request, &body, items.len())?;
            let more = match page.items {
                Some(more) => more,
                None if page.total_count == Some(0) => Vec::new(),
                None => return Err(self.malformed(&request, "the page has no items")),
            };
            items.extend(more);
            match page.next.filter(|next| !next.is_empty()) {
                Some(next) if Some(&next) == after.as_ref() => {
                    return Err(self.malformed(&request, "the cursor does not move on"));
                }
                Some(next) => after = Some(next),
                None if page.total_count.is_some_and(|total| total > items.len() as u64) => {
                    let total = page.total_count.unwrap_or_default();
                    return Err(
                        self.malformed(&request, format!("the list ended after {} of {total} items", items.len()))
                    );
                }
                None => return Ok(items),
            }
        }
        Err(self.malformed(&request(None), "the list does not end"))
    }
}
