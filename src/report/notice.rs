//! Notices as JSON: one line for people, in the form that Slack and those who imitate it take, and the same in
//! parts for programs.

use jiff::Timestamp;

use super::text::shown;
use super::{escape, history, json};
use crate::model::history::FieldNote;
use crate::model::json::{Json, object};
use crate::model::notice::{Item, Notice, Occasion};
use crate::model::wording::named;

/// So many items are told in full. The rest is counted.
const ITEMS: usize = 50;

/// The line for people is no longer than this, in characters.
const LONGEST: usize = 1500;

/// The digits of a hash that are enough for `versync approve`.
const DIGITS: usize = 12;

/// A notice as it is sent, from the machine `host`.
pub fn body(notice: &Notice, host: &str, now: Timestamp) -> Json {
    let line = format!("versync on {host}: {}: {}", notice.occasion.as_str(), sentence(notice));
    object! {
        "event": notice.occasion.as_str(),
        "text": for_slack(&shortened(&escape(&line))),
        "versync": object! {
            "event": notice.occasion.as_str(),
            "time": now.to_string(),
            "host": host,
            "revision": notice.revision,
            "approve": notice.approve,
            "count": notice.items.len(),
            "items": notice.items.iter().take(ITEMS).map(item).collect::<Vec<_>>(),
        },
    }
}

fn item(item: &Item) -> Json {
    object! {
        "address": item.address,
        "text": item.text,
        "action": item.action.map(|action| action.as_str()),
        "file": item.source.as_ref().map(|source| &source.file),
        "line": item.source.as_ref().map(|source| source.line),
        "fields": item.fields.iter().map(json::field_note).collect::<Vec<_>>(),
    }
}

fn sentence(notice: &Notice) -> String {
    let Some((first, rest)) = notice.items.split_first() else { return String::new() };
    if notice.occasion == Occasion::Recovered {
        return format!("everything that was told is well again: {}", names(&notice.items));
    }
    let subject = first.address.as_ref().map(|address| format!("{address}: ")).unwrap_or_default();
    let mut parts = vec![subject, first.text.clone()];
    if notice.occasion == Occasion::Drift && !first.fields.is_empty() {
        let fields: Vec<String> = first.fields.iter().map(field).collect();
        parts.push(format!(": {}", fields.join(", ")));
    }
    if let Some(source) = &first.source {
        parts.push(format!(" ({}:{})", source.file, source.line));
    }
    if let Some(commit) = &notice.revision {
        parts.push(format!(" at revision {}", history::revision(commit)));
    }
    if !rest.is_empty() {
        parts.push(format!("; and {} more: {}", rest.len(), names(rest)));
    }
    if let Some(hash) = &notice.approve {
        parts.push(format!("; `versync approve {hash:.DIGITS$}` lets what waits for it through"));
    }
    parts.concat()
}

/// What items are about: some by name, the others as a number.
fn names(items: &[Item]) -> String {
    let name = |item: &Item| item.address.clone().unwrap_or_else(|| item.text.clone());
    named(&items.iter().map(name).collect::<Vec<_>>())
}

fn field(note: &FieldNote) -> String {
    if note.sensitive {
        return format!("{}: (secret changed)", note.path);
    }
    format!("{}: {} (declared: {})", note.path, shown(&note.before), shown(&note.after))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Nothing that somebody has written into a field may call a channel together, or look like a link.
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::model::plan::{Cause, Source};

    fn note(before: &str, sensitive: bool) -> FieldNote {
        let value = |text: &str| if sensitive { Value::Null } else { Value::String(text.to_owned()) };
        FieldNote {
            path: "description".to_owned(),
            before: value(before),
            after: value("ours"),
            cause: Cause::Drift,
            sensitive,
        }
    }

    fn drift(fields: Vec<FieldNote>) -> Item {
        Item {
            address: Some("auth_scheme_config.system/stripe/a".to_owned()),
            text: "changed on the platform; put right".to_owned(),
            source: Some(Source { file: "a.toml".to_owned(), line: 3 }),
            fields,
            action: None,
        }
    }

    fn text(occasion: Occasion, items: Vec<Item>, approve: Option<String>) -> String {
        let notice = Notice { occasion, items, revision: None, approve };
        body(&notice, "build1", Timestamp::UNIX_EPOCH).get("text").and_then(Json::as_str).unwrap().to_owned()
    }

    #[test]
    fn one_line_says_what_it_is_about() {
        assert_eq!(
            text(Occasion::Drift, vec![drift(vec![note("theirs", false), note("x", true)])], None),
            "versync on build1: drift: auth_scheme_config.system/stripe/a: changed on the platform; put right: \
             description: \"theirs\" (declared: \"ours\"), description: (secret changed) (a.toml:3)"
        );
        let held = text(Occasion::Held, vec![drift(vec![]); 6], Some("0123456789abcdef".repeat(4)));
        assert!(held.ends_with(
            "; and 5 more: auth_scheme_config.system/stripe/a, auth_scheme_config.system/stripe/a, \
             auth_scheme_config.system/stripe/a and 2 others; `versync approve 0123456789ab` lets what waits for it through"
        ));
        let broken = Item { text: "not valid TOML".to_owned(), ..Item::default() };
        assert_eq!(text(Occasion::Failed, vec![broken], None), "versync on build1: failed: not valid TOML");
    }

    #[test]
    fn what_somebody_wrote_calls_nobody_and_fits() {
        let line = text(Occasion::Drift, vec![drift(vec![note("<!channel> & \u{202e}", false)])], None);
        assert!(line.contains("&lt;!channel&gt; &amp; \\u{202e}"), "{line}");
        let line = text(Occasion::Drift, vec![drift(vec![note(&"x".repeat(100_000), false)])], None);
        assert_eq!(line.chars().count(), LONGEST + 1);
        let many = Notice { occasion: Occasion::Drift, items: vec![drift(vec![]); 70], revision: None, approve: None };
        let sent = serde_json::to_value(body(&many, "build1", Timestamp::UNIX_EPOCH)).unwrap();
        assert_eq!(
            (sent["versync"]["count"].as_u64(), sent["versync"]["items"].as_array().unwrap().len()),
            (Some(70), ITEMS)
        );
    }
}
