//! Whatever the platform answers becomes values or an error that can be printed and does not repeat the
//! token. What was read can be written: as manifests that parse, and back to the platform with nothing changed.
//!
//! Each line of the input is an answer, a status before its body where it is none of success; the last one is
//! given for ever. They go through the real client, from a server on this machine.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use url::Url;
use versync::io::versori::{ApiError, Client, Connection, Credentials, Read, Write, Writer};
use versync::model::address::{Address, Owner, Scope};
use versync::model::auth_scheme_config;
use versync::model::desired::Desired;
use versync::model::export::Export;
use versync::model::observed::LiveConfig;
use versync::model::plan::{ConfigStep, Source};
use versync::model::recorded::RecordedResource;
use versync::model::schema::Fields;
use versync::model::source::SourceFile;
use versync::report::problems::{self, Look};
use versync_fuzz::{assert_printable, rendered};

const TOKEN: &str = "hunter2";
const ID: &str = "01J8ZQ00000000000000000000";

static WORLD: LazyLock<World> = LazyLock::new(World::new);

fuzz_target!(|input: &[u8]| {
    let world = &*WORLD;
    world.runtime.block_on(look(world, input));
});

/// The client and the server that it talks to.
struct World {
    runtime: Runtime,
    writer: Writer,
    answers: Arc<Mutex<Answers>>,
}

#[derive(Default)]
struct Answers {
    open: Vec<(StatusCode, Vec<u8>)>,
    sent: Option<Value>,
}

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let answers = Arc::new(Mutex::new(Answers::default()));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let served = Arc::clone(&answers);
        let app = Router::new().fallback(move |method: Method, body: Bytes| {
            let mut answers = served.lock().unwrap_or_else(PoisonError::into_inner);
            if method == Method::PUT {
                answers.sent = serde_json::from_slice(&body).ok();
            }
            let answer = match answers.open.len() {
                0 | 1 => answers.open.first().cloned().unwrap_or_default(),
                _ => answers.open.remove(0),
            };
            async move { answer }
        });
        runtime.spawn(async move { axum::serve(listener, app).await });
        let client = Client::new(Connection {
            base_url: Url::parse(&format!("http://{address}/")).expect("a URL"),
            organisation: ID.to_owned(),
            credentials: Arc::new(Credentials::fixed(SecretString::from(TOKEN), "the target")),
            concurrency: 1,
            requests_per_second: 0,
            timeout: Duration::from_secs(30),
            ca_certificate: None,
        });
        Self { runtime, writer: Writer::new(client.expect("a client")), answers }
    }

    fn will_answer(&self, open: Vec<(StatusCode, Vec<u8>)>) {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner) = Answers { open, sent: None };
    }

    fn sent(&self) -> Option<Value> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).sent.take()
    }
}

fn answers(input: &[u8]) -> Vec<(StatusCode, Vec<u8>)> {
    // Others are sent again after a while, which takes too long here.
    let statuses =
        [(&b"400 "[..], 400), (b"401 ", 401), (b"403 ", 403), (b"404 ", 404), (b"422 ", 422), (b"302 ", 302)];
    let line = |line: &[u8]| {
        let found = statuses.iter().find_map(|(prefix, status)| Some((*status, line.strip_prefix(*prefix)?)));
        let (status, body) = found.unwrap_or((200, line));
        (StatusCode::from_u16(status).unwrap_or_default(), body.to_owned())
    };
    input.split(|byte| *byte == b'\n').map(line).collect()
}

async fn look(world: &World, input: &[u8]) {
    let answers = answers(input);
    let scope = Scope { project: ID.to_owned(), environment: ID.to_owned() };
    let reader = &world.writer;
    world.will_answer(answers.clone());
    checked(reader.projects().await);
    world.will_answer(answers.clone());
    checked(reader.systems().await);
    world.will_answer(answers.clone());
    checked(reader.project(ID).await);
    world.will_answer(answers.clone());
    let templates = checked(reader.templates(&scope, None).await).unwrap_or_default();

    let mut export = Export {
        scopes: BTreeMap::from([(scope.clone(), ("project".to_owned(), "production".to_owned()))]),
        templates: templates.into_iter().map(|template| (scope.clone(), template)).collect(),
        ..Export::default()
    };
    for owner in [Owner::system(ID), Owner::connector(ID)] {
        world.will_answer(answers.clone());
        let mut seen = BTreeSet::new();
        for config in checked(reader.configs(&owner, None).await).unwrap_or_default() {
            if seen.insert(config.id.clone()) {
                comes_back(world, &owner, &config).await;
                export.configs.push((owner.clone(), config));
            }
        }
    }
    parses(export);
}

/// Fails where an error cannot be printed, or repeats the token.
fn checked<T: Debug>(result: Result<T, ApiError>) -> Option<T> {
    let error = match result {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    let mut out = Vec::new();
    let look = Look { terminal: true, ..Look::PLAIN };
    problems::write_error(&error.to_string(), error.help(), look, &mut out).expect("memory takes everything");
    let text = String::from_utf8(out).expect("what is printed is text");
    assert_printable(&text);
    assert!(!text.contains(TOKEN), "the token was repeated: {text}");
    None
}

/// Fails where writing a config as it is changes it.
async fn comes_back(world: &World, owner: &Owner, config: &LiveConfig) {
    let type_name = config.fields.get("type").and_then(Value::as_str).unwrap_or_default();
    if !auth_scheme_config::scheme(type_name).is_some_and(|scheme| scheme.is_on(owner.kind)) {
        return;
    }
    world.will_answer(vec![(StatusCode::OK, b"{}".to_vec())]);
    let fields = Fields::from([("type", json!(type_name))]);
    if checked(world.writer.put_config(&step(owner, config, fields)).await).is_none() {
        return;
    }
    let sent = world.sent().expect("a change is sent as JSON");
    let answer = json!({"authSchemeConfigs": [sent]}).to_string().into_bytes();
    world.will_answer(vec![(StatusCode::OK, answer)]);
    let read = checked(world.writer.configs(owner, None).await).expect("what was sent can be read");
    let [read] = read.as_slice() else { panic!("one config was sent, and {} were read", read.len()) };
    assert_eq!(read.id, config.id);
    let is_kept = |name: &str| !ours_to_settle(config, name);
    let kept = |config: &LiveConfig| -> Fields {
        config.fields.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (*name, value.clone())).collect()
    };
    assert_eq!(kept(read), kept(config), "sent: {sent}");
}

/// The members of a grant that follow rules of their own when they are sent.
fn ours_to_settle(config: &LiveConfig, name: &str) -> bool {
    let is_without = config.fields.get("grant.type").is_some_and(|grant| grant == "client-credentials");
    is_without && name == "grant.client_id"
}

fn step(owner: &Owner, config: &LiveConfig, fields: Fields) -> ConfigStep {
    let address = Address::AuthSchemeConfig { kind: owner.kind, owner: owner.id.clone(), id: config.id.clone() };
    let record = RecordedResource {
        address,
        template_id: None,
        fields: Fields::new(),
        references: Arc::default(),
        source: Source::default(),
        prevent_delete: false,
        replaces: None,
    };
    ConfigStep {
        owner: owner.clone(),
        id: config.id.clone(),
        fields,
        secrets: BTreeMap::new(),
        base: config.raw.members(),
        record,
    }
}

/// Fails where what is exported is no TOML, or its problems cannot be printed.
fn parses(export: Export) {
    let exported = export.into_manifests();
    let files: Vec<_> = exported.files.into_iter().map(|(name, text)| Ok(SourceFile::new(name, text))).collect();
    let desired = Desired::assemble(&files);
    let text = rendered(&desired.problems);
    assert!(!text.contains("not valid TOML"), "{text}\n{files:?}");
}
