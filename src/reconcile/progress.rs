//! How far a pass has got, for whoever waits for it.

use std::fmt::Debug;

use super::{Hands, Outcome};
use crate::io::versori::{ApiError, Named, Read};
use crate::model::address::{Owner, Scope};
use crate::model::observed::{LiveConfig, LiveTemplate, Project};

/// Told how far a pass has got. Nothing depends on what it makes of it.
pub trait Progress: Debug {
    /// Something is asked of the platform. How much there is to ask shows only as it is asked.
    fn asks(&self);

    /// It was answered, well or badly.
    fn answered(&self);

    /// So many changes are begun.
    fn applies(&self, count: usize);

    /// One of them was made, or was not.
    fn applied(&self, outcome: &Outcome);

    /// What was begun is done, and something else may be shown.
    fn ends(&self);
}

/// A reader of the platform that tells of each thing that it asks. What was asked is shown until this is dropped.
#[derive(Debug)]
pub struct Told<'a, A> {
    api: &'a A,
    progress: Option<&'a dyn Progress>,
}

impl<'a, A: Read> Told<'a, A> {
    /// What these hands read through, telling whom they tell.
    pub fn of(hands: &'a impl Hands<Api = A>) -> Self {
        Self { api: hands.api(), progress: hands.progress() }
    }

    async fn tell<T>(&self, ask: impl Future<Output = T>) -> T {
        self.progress.inspect(|progress| progress.asks());
        let answer = ask.await;
        self.progress.inspect(|progress| progress.answered());
        answer
    }
}

impl<A> Drop for Told<'_, A> {
    fn drop(&mut self) {
        self.progress.inspect(|progress| progress.ends());
    }
}

impl<A: Read> Read for Told<'_, A> {
    fn begun_at_once(&self) -> usize {
        self.api.begun_at_once()
    }

    async fn projects(&self) -> Result<Vec<Named>, ApiError> {
        self.tell(self.api.projects()).await
    }

    async fn systems(&self) -> Result<Vec<Named>, ApiError> {
        self.tell(self.api.systems()).await
    }

    async fn project(&self, id: &str) -> Result<Project, ApiError> {
        self.tell(self.api.project(id)).await
    }

    async fn templates(&self, scope: &Scope, last: Option<&[LiveTemplate]>) -> Result<Vec<LiveTemplate>, ApiError> {
        self.tell(self.api.templates(scope, last)).await
    }

    async fn configs(&self, owner: &Owner, last: Option<&[LiveConfig]>) -> Result<Vec<LiveConfig>, ApiError> {
        self.tell(self.api.configs(owner, last)).await
    }
}
