//! Nobody to ask.

use super::error::{ApiError, ErrorKind};
use super::{Named, Read};
use crate::model::address::{Owner, Scope};
use crate::model::observed::{LiveConfig, LiveTemplate, Project};

/// What a command holds that asks nothing: it needs no token and no connection, and whatever is asked all the same
/// is an error.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

fn not_asked<T>() -> Result<T, ApiError> {
    Err(ApiError::new(ErrorKind::Setup, "", "the platform is not asked"))
}

impl Read for Nobody {
    fn begun_at_once(&self) -> usize {
        1
    }

    async fn projects(&self) -> Result<Vec<Named>, ApiError> {
        not_asked()
    }

    async fn systems(&self) -> Result<Vec<Named>, ApiError> {
        not_asked()
    }

    async fn project(&self, _id: &str) -> Result<Project, ApiError> {
        not_asked()
    }

    async fn templates(&self, _scope: &Scope, _last: Option<&[LiveTemplate]>) -> Result<Vec<LiveTemplate>, ApiError> {
        not_asked()
    }

    async fn configs(&self, _owner: &Owner, _last: Option<&[LiveConfig]>) -> Result<Vec<LiveConfig>, ApiError> {
        not_asked()
    }
}
