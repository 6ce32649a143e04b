//! Random worlds: whatever the files, the record and the platform have become, applying the plan gives a
//! world that plans to nothing, and on the way nothing happens that the plan does not say.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use versync::io::folder::Folder;
use versync::io::secrets::DigestKey;
use versync::io::store::{Store, Tenant};
use versync::io::versori::{Client, Connection, Credentials, Writer};
use versync::model::guard::DeleteLimit;
use versync::model::plan::{Action, Plan};
use versync::model::planner::{Adopt, Policy};
use versync::reconcile::{Hands, Look, Memory, Report, Stop, Target, Writing, reconcile};
use versync::report::json;
use versync::sandbox::{Owner, Sandbox, Template, World, ids};

const ENVIRONMENTS: [&str; 2] = ["production", "staging"];
const SYSTEMS: [(&str, &str); 2] = [("shopify", ids::SHOPIFY), ("stripe", ids::STRIPE)];
const TYPES: usize = 6;

/// One thing that happens to the files or to the platform.
#[derive(Debug, Clone)]
enum Event {
    /// A file declares a template, in place of what it declared before.
    Template { slot: usize, environment: usize, system: usize, dynamic: Option<bool>, configs: Option<Vec<usize>> },
    /// A file declares a config.
    Config { slot: usize, owner: usize, kind: usize, text: usize },
    /// A file is removed.
    Remove { file: usize },
    /// Somebody changes a template, or deletes it.
    Tamper { template: usize, dynamic: bool, delete: bool },
    /// Somebody changes a config, or deletes it.
    TamperConfig { config: usize, delete: bool },
    /// Somebody makes a template by hand.
    Foreign { slot: usize, environment: usize, dynamic: bool },
}

fn event() -> impl Strategy<Value = Event> {
    let configs = prop::option::of(prop::collection::vec(0..3_usize, 0..3));
    let template = (0..3_usize, 0..2_usize, 0..2_usize, prop::option::of(any::<bool>()), configs);
    prop_oneof![
        4 => template.prop_map(|(slot, environment, system, dynamic, configs)| {
            Event::Template { slot, environment, system, dynamic, configs }
        }),
        4 => (0..3_usize, 0..3_usize, 0..TYPES, 0..2_usize)
            .prop_map(|(slot, owner, kind, text)| Event::Config { slot, owner, kind, text }),
        1 => (0..12_usize).prop_map(|file| Event::Remove { file }),
        2 => (0..4_usize, any::<bool>(), any::<bool>())
            .prop_map(|(template, dynamic, delete)| Event::Tamper { template, dynamic, delete }),
        2 => (0..6_usize, any::<bool>()).prop_map(|(config, delete)| Event::TamperConfig { config, delete }),
        1 => (0..3_usize, 0..2_usize, any::<bool>())
            .prop_map(|(slot, environment, dynamic)| Event::Foreign { slot, environment, dynamic }),
    ]
}

/// A file declares something that depends on nothing else.
fn declaration() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..3_usize, 0..2_usize, any::<bool>()).prop_map(|(slot, environment, dynamic)| Event::Template {
            slot,
            environment,
            system: 0,
            dynamic: Some(dynamic),
            configs: None
        }),
        (0..3_usize, 0..3_usize, 0..2_usize).prop_map(|(slot, owner, text)| Event::Config {
            slot,
            owner,
            kind: 1,
            text
        }),
    ]
}

/// What a type of config needs beside its type and description.
fn scheme(kind: usize, text: usize, on_connector: bool) -> String {
    let oauth2 = |grant: &str| {
        format!(
            "type = \"oauth2\"\ntoken_url = \"https://t.example/{text}\"\nauthorize_url = \"https://a.example\"\n\
             scopes = [\"b\", \"a\"]\ndefault_scopes = [\"a\"]\ngrant = {grant}\n"
        )
    };
    match kind {
        0 => "type = \"none\"\n".to_owned(),
        1 => format!("type = \"api-key\"\nname = \"key{text}\"\nin = \"header\"\n"),
        2 => oauth2("{ type = \"client-credentials\" }"),
        3 => oauth2(&format!("{{ type = \"password\", client_id = \"me{text}\" }}")),
        4 => "type = \"certificate\"\n".to_owned(),
        _ => format!(
            "type = \"hmac\"\nname = \"s{text}\"\nin = \"query\"\nalgorithm = \"sha256\"\ndigest_inputs = [\"url\", \"body\"]\n{}",
            if on_connector { "" } else { "encoding = \"hex\"\n" }
        ),
    }
}

/// The sandbox, the folder, and the hands that write. What happens between passes happens here.
struct Scene {
    sandbox: Sandbox,
    folder: TempDir,
    manifests: Folder,
    hands: Writing<Writer, fn(&Plan) -> bool>,
    policy: Policy,
    memory: Memory,
    runtime: tokio::runtime::Runtime,
}

/// Everything live, for comparison.
type Live = (BTreeMap<String, Template>, BTreeMap<String, Value>);

impl Scene {
    fn new() -> Self {
        let sandbox = Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), World::seeded()).unwrap();
        let tenant = Tenant { organisation: ids::ORGANISATION.to_owned(), base_url: sandbox.base_url() };
        let connection = Connection {
            base_url: sandbox.base_url().parse().unwrap(),
            organisation: ids::ORGANISATION.to_owned(),
            credentials: Arc::new(Credentials::fixed(SecretString::from("sandbox"), "the test")),
            concurrency: 4,
            requests_per_second: 0,
            timeout: Duration::from_secs(30),
            ca_certificate: None,
        };
        let agree: fn(&Plan) -> bool = |_| true;
        let folder = TempDir::new().unwrap();
        Self {
            sandbox,
            manifests: Folder::new(folder.path()),
            folder,
            hands: Writing {
                api: Writer::new(Client::new(connection).unwrap()),
                store: Store::in_memory(&tenant).unwrap(),
                digest_key: DigestKey::random().unwrap(),
                consent: agree,
                concurrency: 4,
                progress: None,
            },
            policy: Policy {
                adopt: Adopt::Always,
                prune: true,
                delete_limit: DeleteLimit { count: 100, percent: 100 },
                ..Policy::default()
            },
            memory: Memory::default(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        }
    }

    fn pass(&mut self) -> Report {
        self.pass_that_looks(Look::Whole)
    }

    /// Reads the files for the pass that follows, as a daemon does while the debounce runs.
    fn read_ahead(&mut self) {
        self.runtime.block_on(self.memory.read_ahead(&self.manifests, &self.hands));
    }

    fn pass_that_looks(&mut self, look: Look) -> Report {
        let target = Target {
            manifests: &self.manifests,
            policy: &self.policy,
            memory: &mut self.memory,
            look,
            guards: None,
            drift_log: None,
        };
        self.runtime.block_on(reconcile(target, &mut self.hands, &Stop::never())).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn happen(&self, event: &Event) {
        match event {
            Event::Template { slot, environment, system, dynamic, configs } => {
                let mut text = format!(
                    "[connection_templates.t{slot}]\nproject = \"storefront\"\nenvironment = \"{}\"\nsystem = \"{}\"\n\
                     lifecycle = {{ allow_replace = true }}\n",
                    ENVIRONMENTS[*environment], SYSTEMS[*system].0
                );
                if let Some(dynamic) = dynamic {
                    writeln!(text, "dynamic = {dynamic}").unwrap();
                }
                if let Some(configs) = configs {
                    let mut list: Vec<String> = configs.iter().map(|slot| format!("c{slot}")).collect();
                    list.dedup();
                    list.sort();
                    list.dedup();
                    writeln!(text, "auth_scheme_configs = {list:?}").unwrap();
                }
                self.write(&format!("t{slot}-{environment}.toml"), &text);
            }
            Event::Config { slot, owner, kind, text } => {
                let on_connector = *owner == 2;
                let owner_line = match SYSTEMS.get(*owner) {
                    Some((name, _)) => format!("system = \"{name}\""),
                    None => format!("connector = \"{}\"", ids::WAREHOUSE),
                };
                let fields = scheme(*kind, *text, on_connector);
                let text = format!("[auth_scheme_configs.c{slot}]\n{owner_line}\ndescription = \"d{text}\"\n{fields}");
                self.write(&format!("c{slot}-{owner}.toml"), &text);
            }
            Event::Remove { file } => {
                let mut names: Vec<_> =
                    fs::read_dir(self.folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
                names.sort();
                if let Some(path) = names.get(*file) {
                    fs::remove_file(path).unwrap();
                }
            }
            Event::Tamper { template, dynamic, delete } => self.sandbox.world(|world| {
                let all = world.templates();
                let Some(template) = all.get(*template).filter(|it| it.id != ids::LEGACY_ERP) else { return };
                if *delete {
                    world.delete_template(&template.project, &template.id).unwrap();
                } else {
                    world.edit_template(&template.id, |template| template.dynamic = *dynamic);
                }
            }),
            Event::TamperConfig { config, delete } => self.sandbox.world(|world| {
                let owners = SYSTEMS.map(|(_, id)| Owner::System(id.to_owned()));
                let slot = format!("c{}", config % 3);
                let owner = &owners[config / 3];
                if *delete {
                    let _ = world.delete_config(owner, &slot);
                } else {
                    world.edit_config(owner, &slot, &json!({"description": "tampered", "unknown": {"to": "us"}}));
                }
            }),
            Event::Foreign { slot, environment, dynamic } => self.sandbox.world(|world| {
                let environment = [ids::PRODUCTION, ids::STAGING][*environment];
                let name = format!("t{slot}");
                if world.templates().iter().any(|it| it.name == name && it.environment == environment) {
                    return;
                }
                let body =
                    json!({"name": name, "systemId": ids::SHOPIFY, "environmentId": environment, "dynamic": dynamic});
                world.create_template(ids::STOREFRONT, &body).unwrap();
            }),
        }
    }

    fn live(&self) -> Live {
        self.sandbox.world(|world| {
            let templates = world.templates().into_iter().map(|it| (it.id.clone(), it)).collect();
            let owners = SYSTEMS.map(|(_, id)| Owner::System(id.to_owned()));
            let owners = owners.into_iter().chain([Owner::Connector(ids::WAREHOUSE.to_owned())]);
            let configs = owners.flat_map(|owner| {
                let all = world.configs(&owner).into_iter();
                all.map(|it| (format!("{owner:?} {}", it["id"]), it)).collect::<Vec<_>>()
            });
            (templates, configs.collect())
        })
    }
}

/// Nothing changed on the platform that the plan did not say, field by field.
fn assert_only_what_was_planned(report: &Report, before: &Live, after: &Live) {
    let planned = |address: &str, field: &str| {
        let named = report.plan.changes.iter().filter(|change| change.address.to_string().ends_with(address));
        named.clone().any(|change| change.is_due() && change.fields.iter().any(|it| it.path == field))
    };
    for (id, old) in &before.0 {
        let deleted = report.plan.changes.iter().any(|change| {
            change.is_due()
                && matches!(change.action, Action::Delete | Action::Replace)
                && change.address.to_string().ends_with(&format!("/{}", old.name))
        });
        let Some(new) = after.0.get(id) else {
            assert!(deleted, "{old:?} is gone, unplanned");
            continue;
        };
        let address = format!("/{}", new.name);
        assert!(new.dynamic == old.dynamic || planned(&address, "dynamic"), "{old:?} → {new:?}");
        let same_list = new.auth_scheme_configs == old.auth_scheme_configs;
        // A deleted config is taken out of lists by the platform itself.
        let lost = new.auth_scheme_configs.len() < old.auth_scheme_configs.len();
        assert!(same_list || lost || planned(&address, "auth_scheme_configs"), "{old:?} → {new:?}");
    }
    for (id, old) in &before.1 {
        let untouched = !report.plan.changes.iter().any(|change| {
            change.is_due() && id.ends_with(&format!("\"{}\"", change.address.to_string().rsplit('/').next().unwrap()))
        });
        assert!(!untouched || after.1.get(id) == Some(old), "{id} changed, unplanned");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn applying_converges_and_does_only_what_it_said(rounds in prop::collection::vec(prop::collection::vec(event(), 0..6), 1..4)) {
        let mut scene = Scene::new();
        for events in &rounds {
            events.iter().for_each(|event| scene.happen(event));
            let before = scene.live();
            let report = scene.pass();
            assert_only_what_was_planned(&report, &before, &scene.live());
            // What waits for something else of the same pass may take another one or two, but no more.
            let mut last = scene.pass();
            for _ in 0..2 {
                last = scene.pass();
            }
            let left: Vec<_> = last.plan.changes.iter().filter(|change| change.is_due()).collect();
            prop_assert!(left.is_empty(), "still to do: {left:#?}");
            prop_assert!(last.failures().next().is_none(), "{:?}", last.outcomes);
            prop_assert_eq!(scene.pass().plan.hash(), last.plan.hash(), "planning is deterministic");
            let again = scene.pass();
            prop_assert_eq!(json::plan(&again.plan), json::plan(&last.plan));
        }
    }

    /// Between two passes, files are edited and read ahead in whatever order.
    #[test]
    fn an_edit_is_applied_whenever_its_file_was_read(
        first in prop::collection::vec(declaration(), 3..12),
        rounds in prop::collection::vec(prop::collection::vec(prop::option::of(declaration()), 0..6), 1..5),
    ) {
        let mut scene = Scene::new();
        first.iter().for_each(|event| scene.happen(event));
        (0..3).for_each(|_| drop(scene.pass()));
        for steps in &rounds {
            for step in steps {
                match step {
                    Some(event) => scene.happen(event),
                    None => scene.read_ahead(),
                }
            }
            // What waits for something else of the same pass may take another one or two.
            (0..3).for_each(|_| drop(scene.pass_that_looks(Look::WhereNeeded)));
        }
        scene.memory = Memory::default();
        let report = scene.pass();
        let left: Vec<_> = report.plan.changes.iter().filter(|change| change.is_due()).collect();
        prop_assert!(left.is_empty(), "still to do: {left:#?}");
    }

    #[test]
    fn nothing_is_deleted_while_a_file_is_broken(
        events in prop::collection::vec(event(), 1..8),
        then in prop::collection::vec(event(), 1..8),
    ) {
        let mut scene = Scene::new();
        events.iter().for_each(|event| scene.happen(event));
        scene.pass();
        then.iter().for_each(|event| scene.happen(event));
        scene.write("broken.toml", "x = [");
        let before = scene.live();
        let report = scene.pass();
        let after = scene.live();
        prop_assert!(report.plan.has_errors());
        prop_assert!(before.0.keys().all(|id| after.0.contains_key(id)), "a template was deleted");
        prop_assert!(before.1.keys().all(|id| after.1.contains_key(id)), "a config was deleted");
        prop_assert!(scene.hands.recorded().is_ok());
    }
}
