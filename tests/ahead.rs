//! Whoever runs one command waits for the network: the platform is asked about what is recorded as soon as it is known
//! where that lives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::ready;
use tempfile::TempDir;
use tokio::sync::Notify;
use versync::io::folder::Folder;
use versync::io::secrets::{DigestKey, DigestKeyError};
use versync::io::store::{Reading, StoreError};
use versync::io::versori::{ApiError, Named, Read};
use versync::model::address::{Address, Identity, Owner, Scope};
use versync::model::observed::{LiveConfig, LiveTemplate, Project};
use versync::model::pass::Pass;
use versync::model::plan::{Plan, Source};
use versync::model::recorded::{Recorded, RecordedResource};
use versync::model::schema::Fields;
use versync::reconcile::{Hands, Look, Memory, Outcome, Stop, look};

use crate::support::Site;

/// A platform with nothing on it, which tells of the first list of templates that it is asked for.
#[derive(Default)]
struct Empty {
    asked: Arc<Notify>,
}

impl Read for Empty {
    fn begun_at_once(&self) -> usize {
        1
    }

    async fn projects(&self) -> Result<Vec<Named>, ApiError> {
        Ok(Vec::new())
    }

    async fn systems(&self) -> Result<Vec<Named>, ApiError> {
        Ok(Vec::new())
    }

    async fn project(&self, id: &str) -> Result<Project, ApiError> {
        Ok(Project { id: id.to_owned(), environments: Vec::new() })
    }

    async fn templates(&self, _scope: &Scope, _last: Option<&[LiveTemplate]>) -> Result<Vec<LiveTemplate>, ApiError> {
        self.asked.notify_one();
        Ok(Vec::new())
    }

    async fn configs(&self, _owner: &Owner, _last: Option<&[LiveConfig]>) -> Result<Vec<LiveConfig>, ApiError> {
        Ok(Vec::new())
    }
}

/// Hands to whom the disk tells where something is recorded, and nothing else before the platform was asked about it.
#[derive(Default)]
struct SlowDisk {
    api: Empty,
}

impl Hands for SlowDisk {
    type Api = Empty;

    fn api(&self) -> &Empty {
        &self.api
    }

    fn recorded(&self) -> Result<Recorded, StoreError> {
        Ok(recorded())
    }

    fn reading(&self) -> Reading {
        let asked = Arc::clone(&self.api.asked);
        let whole = async move {
            asked.notified().await;
            Ok(recorded())
        };
        Reading { glimpse: ready(recorded().resources).boxed_local(), whole: whole.boxed_local() }
    }

    fn digest_key(&self) -> Result<DigestKey, DigestKeyError> {
        DigestKey::random()
    }

    async fn carry_out(&mut self, _plan: &Plan, _stop: &Stop) -> Option<Vec<Outcome>> {
        None
    }

    fn remember(&mut self, _pass: Pass) -> Result<(), StoreError> {
        Ok(())
    }
}

fn recorded() -> Recorded {
    let text = "connection_template.p/e/shop";
    let resource = RecordedResource {
        address: Address::parse(text).unwrap(),
        template_id: None,
        fields: Fields::new(),
        references: Arc::default(),
        source: Source::default(),
        prevent_delete: false,
        replaces: None,
    };
    let resources = Arc::new(BTreeMap::from([(Identity::parse(text).unwrap(), resource)]));
    Recorded { resources, ..Recorded::default() }
}

#[tokio::test(start_paused = true)]
async fn the_platform_is_asked_before_all_that_is_recorded_has_been_read() {
    let folder = TempDir::new().unwrap();
    let (manifests, hands, mut memory) = (Folder::new(folder.path()), SlowDisk::default(), Memory::default());
    let looked = look(&manifests, &mut memory, Look::Whole, &hands, |_| ());
    // The clock of this test stands still unless everybody waits.
    let sight = tokio::time::timeout(Duration::from_secs(1), looked).await.expect("nobody has asked").unwrap();
    assert_eq!(sight.recorded, recorded());
}

#[test]
fn nothing_is_asked_twice() {
    let site = Site::new();
    // The system of a template without configs is known by the template alone, and not by the first one of its place.
    site.file(
        "a.toml",
        r#"
        [defaults]
        project = "storefront"
        environment = "production"

        [connection_templates.a]
        system = "shopify"
        auth_scheme_configs = ["key"]

        [connection_templates.b]
        system = "stripe"

        [auth_scheme_configs.key]
        system = "shopify"
        description = ""
        type = "none"
        "#,
    );
    site.apply();
    let before = site.sandbox.requests().len();
    assert!(site.versync(&["plan"]).out.starts_with("In sync: 3 resources"));
    let mut paths: Vec<_> = site.sandbox.requests().split_off(before).into_iter().map(|seen| seen.path).collect();
    let asked = paths.len();
    paths.sort();
    paths.dedup();
    // The names of projects and systems, the project, its environment, and two systems.
    assert_eq!((asked, paths.len()), (6, 6), "{paths:?}");
}
