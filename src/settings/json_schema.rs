//! JSON Schema of `versync.toml`, for editors. A test proves that it names what the reader takes, with its words and
//! its defaults.

use serde_json::json;

use super::DEFAULT_BASE_URL;
use crate::model::json::Json;
use crate::model::json_schema::ULID;
use crate::model::json_schema::shape::{Shape, choice, document, flag, list, name, number, secret, table, text};
use crate::model::notice::Occasion;

/// A number and its unit. The reader takes more spellings than are worth writing down.
const DURATION: &str = r"^[^-]*[0-9]\s*[A-Za-zµ:][^-]*$";

/// The schema of the settings file. Nothing is required that a variable may give.
pub fn json_schema() -> Json {
    let shape = table([
        ("manifests", path("The watched folder.").default("manifests")),
        (
            "state",
            path(
                "Where it is kept what was last applied. By default $STATE_DIRECTORY, else .versync beside this file.",
            )
            .default(".versync"),
        ),
        ("api", api().title("API").doc("Where the platform is, and who asks it.")),
        ("sync", sync().title("Sync").doc("What to do about differences, and when.")),
        ("log", log().title("Log").doc("What is logged, and where to.")),
        ("http", http().title("HTTP").doc("The daemon's status page and metrics.")),
        ("notify", list(notify()).doc("Who is told, and of what.")),
    ]);
    document("versync settings", shape)
}

fn api() -> Shape {
    let ulid = |doc| text(doc).pattern(ULID).example("01J0ACME000000000000000000");
    let signing_key = table([
        ("id", ulid("The key's id on the platform.")),
        ("subject", name("In whose name tokens are made.")),
        ("key", secret("Where the key is: RSA, PKCS #8, PEM.").example(json!({"file": "key.pem"}))),
    ]);
    let url = text("Where the two APIs are.").pattern(r"^\s*[hH][tT][tT][pP][sS]?:").default(DEFAULT_BASE_URL);
    let keys = [
        ("base_url", url),
        ("organisation", ulid("Your organisation's id.")),
        ("token", secret("Where the API key is.").example(json!({"env": "VERSORI_API_KEY"}))),
        ("token_scheme", choice("How the token is announced.", &["bearer", "jwt"]).default("bearer")),
        ("signing_key", signing_key.title("Signing key").doc("A key to make tokens with, in place of `token`.")),
        ("concurrency", number("How many requests may be under way at once.", 1, 1024, 16)),
        ("requests_per_second", number("How many requests may be begun in a second; 0 for no limit.", 0, 100_000, 0)),
        ("timeout", duration("How long one request may take.", "30s")),
        ("ca_certificate", text("A PEM file with authorities that are trusted beside the system's.").example("ca.pem")),
    ];
    table(keys).rules([json!({"not": {"required": ["token", "signing_key"]}})])
}

fn sync() -> Shape {
    let limit = table([
        ("count", number("How many.", 0, u32::MAX, 10)),
        ("percent", number("How many of a hundred of what is managed.", 0, 100, 30)),
    ]);
    let limit = limit.doc("A pass that would delete more than either deletes nothing, unless approved.");
    table([
        ("mode", choice("Whether the daemon puts differences right, or writes nothing.", &["enforce", "observe"]).default("enforce")),
        ("interval", duration("How often everything is compared with the platform, give or take 10 %.", "5m")),
        ("debounce", duration("Quiet time after the last change of a file; at most ten times that in all.", "250ms")),
        ("on_drift", choice("What to do about what somebody has changed on the platform.", &["revert", "report"]).default("revert")),
        ("adopt", choice("What to do about what exists and differs, and was not made by versync: hold it and say so, take it over, or report it.", &["matching", "always", "never"]).default("matching")),
        ("prune", flag("Whether what no file declares any more is deleted.", false)),
        ("delete_limit", limit),
        ("delete_grace", duration("How long a resource has to be gone from the files before the daemon deletes it.", "30s")),
    ])
}

fn log() -> Shape {
    let levels = ["error", "warn", "info", "debug", "trace"];
    let format =
        "Where messages go and how they look. auto: to the journal under systemd, text on a terminal, JSON otherwise.";
    table([
        ("level", choice("The least severe messages that are written.", &levels).default("info")),
        ("format", choice(format, &["auto", "text", "json", "journald"]).default("auto")),
        ("directory", path("A folder for daily JSON files, and for drift.jsonl.").example("/var/log/versync")),
        ("keep", number("How many daily files are kept, today's among them.", 1, 10_000, 14)),
    ])
}

fn http() -> Shape {
    table([
        (
            "listen",
            name("Where the daemon serves metrics and the status page: an address with a port. Nowhere by default.")
                .example("127.0.0.1:9464"),
        ),
        ("allow_remote", flag("Whether `listen` may be an address that other machines reach.", false)),
    ])
}

fn notify() -> Shape {
    let words = Occasion::ALL.map(Occasion::as_str);
    let on = list(choice("An occasion.", &words)).at_least_one().doc("What it is told.").default(words.to_vec());
    let url = secret("Where the receiver's address is: whoever knows it can write there.");
    table([("url", url.example(json!({"credential": "versync-webhook"}))), ("on", on)])
        .required(["url"])
        .title("Receiver")
}

fn path(doc: &str) -> Shape {
    text(doc).pattern("^[\\s\\S]")
}

fn duration(doc: &str, default: &str) -> Shape {
    text(&format!("{doc} Written as 250ms, 30s, 5m or 1h.")).pattern(DURATION).default(default)
}
