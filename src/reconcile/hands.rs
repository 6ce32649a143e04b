//! What a pass works with: the platform, what is recorded, and what it may do to either.

use std::path::Path;
use std::rc::Rc;

use super::apply::{self, Outcome};
use super::{Progress, Stop};
use crate::io::secrets::{DigestKey, DigestKeyError};
use crate::io::store::{self, Books, Reading, Store, StoreError, Tenant};
use crate::io::versori::{Read, Write};
use crate::model::pass::Pass;
use crate::model::plan::Plan;
use crate::model::recorded::Recorded;

/// What a pass may do. A dry run's client has no methods that write, so the compiler keeps it from it.
pub trait Hands {
    /// The client that the platform is read through.
    type Api: Read;

    /// The client that the platform is read through.
    fn api(&self) -> &Self::Api;

    /// What was last applied.
    ///
    /// # Errors
    ///
    /// Where the recorded state cannot be used.
    fn recorded(&self) -> Result<Recorded, StoreError>;

    /// The same for a pass that has something else to do while it is read.
    fn reading(&self) -> Reading {
        Reading::done(self.recorded())
    }

    /// The key that secrets are hashed with.
    ///
    /// # Errors
    ///
    /// Where it cannot be used.
    fn digest_key(&self) -> Result<DigestKey, DigestKeyError>;

    /// Who is told how far a pass has got, if anybody waits for it.
    fn progress(&self) -> Option<&dyn Progress> {
        None
    }

    /// Does what the plan says, as far as these hands can. Nothing where nothing was tried.
    fn carry_out(&mut self, plan: &Plan, stop: &Stop) -> impl Future<Output = Option<Vec<Outcome>>>;

    /// Keeps how the pass went, where these hands keep anything.
    ///
    /// # Errors
    ///
    /// Where it cannot be kept.
    fn remember(&mut self, pass: Pass) -> Result<(), StoreError>;
}

/// Hands that only look.
#[derive(Debug)]
pub struct DryRun<'a, A> {
    /// Reads the platform.
    pub api: A,
    /// Where the recorded state is; nothing for a world without one.
    pub state: Option<(&'a Path, Tenant)>,
    /// Who is told how far a pass has got.
    pub progress: Option<Rc<dyn Progress>>,
}

impl<A: Read> Hands for DryRun<'_, A> {
    type Api = A;

    fn api(&self) -> &A {
        &self.api
    }

    fn recorded(&self) -> Result<Recorded, StoreError> {
        match &self.state {
            Some((directory, tenant)) => store::read(directory, tenant),
            None => Ok(Recorded::default()),
        }
    }

    fn reading(&self) -> Reading {
        match &self.state {
            Some((directory, tenant)) => Reading::begin(directory, tenant),
            None => Reading::done(Ok(Recorded::default())),
        }
    }

    fn digest_key(&self) -> Result<DigestKey, DigestKeyError> {
        match &self.state {
            Some((directory, _)) => DigestKey::read(directory),
            None => DigestKey::random(),
        }
    }

    fn progress(&self) -> Option<&dyn Progress> {
        self.progress.as_deref()
    }

    async fn carry_out(&mut self, _plan: &Plan, _stop: &Stop) -> Option<Vec<Outcome>> {
        None
    }

    fn remember(&mut self, _pass: Pass) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Hands that write, where they are let.
#[derive(Debug)]
pub struct Writing<A, C, S = Store> {
    /// Reads and writes the platform.
    pub api: A,
    /// The recorded state.
    pub store: S,
    /// The key that secrets are hashed with.
    pub digest_key: DigestKey,
    /// Asked before anything is written, with the plan.
    pub consent: C,
    /// How many changes may be under way at once.
    pub concurrency: usize,
    /// Who is told how far a pass has got.
    pub progress: Option<Rc<dyn Progress>>,
}

impl<A: Write, C: FnMut(&Plan) -> bool, S: Books> Hands for Writing<A, C, S> {
    type Api = A;

    fn api(&self) -> &A {
        &self.api
    }

    fn recorded(&self) -> Result<Recorded, StoreError> {
        self.store.recorded()
    }

    fn digest_key(&self) -> Result<DigestKey, DigestKeyError> {
        Ok(self.digest_key.clone())
    }

    fn progress(&self) -> Option<&dyn Progress> {
        self.progress.as_deref()
    }

    async fn carry_out(&mut self, plan: &Plan, stop: &Stop) -> Option<Vec<Outcome>> {
        if plan.refused {
            return None;
        }
        if plan.has_work() && !(self.consent)(plan) {
            return None;
        }
        let (store, progress) = (&mut self.store, self.progress.as_deref());
        Some(apply::apply(plan, &self.api, store, self.concurrency, stop, progress).await)
    }

    fn remember(&mut self, pass: Pass) -> Result<(), StoreError> {
        self.store.remember(pass)
    }
}
