//! Reading what is recorded beside the thread that waits for the network, and one resource of each place before the rest:
//! where something is recorded the platform will be asked, and that can begin meanwhile.

use std::fmt;
use std::future::ready;
use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tokio::sync::oneshot;

use super::database::Database;
use super::error::{StoreError, Tenant};
use super::{Resources, read_after};
use crate::io::aside;
use crate::model::recorded::Recorded;

/// What is recorded, on its way. Both parts are of one moment, which is before the first of them is there.
pub struct Reading {
    /// Some of the resources, soon: one of each place, unless there are very many.
    pub glimpse: LocalBoxFuture<'static, Arc<Resources>>,
    /// Everything.
    pub whole: LocalBoxFuture<'static, Result<Recorded, StoreError>>,
}

impl Reading {
    /// Begins to read as [`super::read`] does.
    pub fn begin(directory: &Path, tenant: &Tenant) -> Self {
        let (directory, tenant) = (directory.to_owned(), tenant.clone());
        let (show, shown) = oneshot::channel();
        // Where there is none, whoever reads the whole is told why.
        let glimpse = move |database: &Database| drop(database.glimpse().map(|glimpse| show.send(Arc::new(glimpse))));
        let whole = aside(move || read_after(&directory, &tenant, glimpse));
        Self { glimpse: shown.map(Result::unwrap_or_default).boxed_local(), whole: whole.boxed_local() }
    }

    /// What is there already.
    pub fn done(recorded: Result<Recorded, StoreError>) -> Self {
        let glimpse = recorded.as_ref().map(|recorded| recorded.resources.clone()).unwrap_or_default();
        Self { glimpse: ready(glimpse).boxed_local(), whole: ready(recorded).boxed_local() }
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::sample::{resource, tenant};
    use super::super::{Store, access};
    use super::*;

    fn save(store: &Store, identity: &str) {
        let (identity, resource) = resource(identity, Arc::default());
        access(&store.database).save_resource(&identity, &resource).unwrap();
    }

    fn names(resources: &Resources) -> Vec<String> {
        resources.keys().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn a_glimpse_shows_one_resource_of_each_place() {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path(), &tenant(), "test").unwrap();
        // One place is called as another begins.
        for place in ["connection_template.p/e", "connection_template.p/e1", "connection_template.p/e10"] {
            ["a", "b/c", "z"].iter().for_each(|name| save(&store, &format!("{place}/{name}")));
        }
        for place in ["auth_scheme_config.connector/s", "auth_scheme_config.system/s", "auth_scheme_config.system/s-1"]
        {
            ["x", "y"].iter().for_each(|name| save(&store, &format!("{place}/{name}")));
        }
        let Reading { glimpse, whole } = Reading::begin(folder.path(), &tenant());
        let expected = [
            "auth_scheme_config.connector/s/x",
            "auth_scheme_config.system/s/x",
            "auth_scheme_config.system/s-1/x",
            "connection_template.p/e/a",
            "connection_template.p/e1/a",
            "connection_template.p/e10/a",
        ];
        let mut seen = names(&*glimpse.await);
        seen.sort();
        let mut expected = expected.map(str::to_owned).to_vec();
        expected.sort();
        assert_eq!(seen, expected);
        assert_eq!(whole.await.unwrap().resources.len(), 15);
    }

    #[tokio::test]
    async fn without_a_state_there_is_nothing_to_see() {
        let folder = TempDir::new().unwrap();
        let Reading { glimpse, whole } = Reading::begin(folder.path(), &tenant());
        assert!(glimpse.await.is_empty());
        assert_eq!(whole.await.unwrap(), Recorded::default());
    }

    #[test]
    fn what_is_written_after_the_glimpse_is_no_part_of_the_whole() {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path(), &tenant(), "test").unwrap();
        save(&store, "connection_template.p/e/a");
        let read = read_after(folder.path(), &tenant(), |database| {
            assert_eq!(names(&database.glimpse().unwrap()), ["connection_template.p/e/a"]);
            save(&store, "connection_template.p/e/b");
        });
        assert_eq!(names(&read.unwrap().resources), ["connection_template.p/e/a"]);
        assert_eq!(super::super::read(folder.path(), &tenant()).unwrap().resources.len(), 2);
    }
}
