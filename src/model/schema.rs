//! The fields that resources have: what they are called in files and on the wire, what values they
//! take, and what the platform assumes where they are absent. Parsing, comparing and sending all
//! read these tables, so a field is described once.

use serde_json::{Map, Value, json};

use super::address::OwnerKind;
pub use super::fields::Fields;

/// One field of a resource.
#[derive(Debug)]
pub struct Field {
    /// The name in manifests and plans; dotted where it stands in a table of its own.
    pub name: &'static str,
    /// That table.
    pub table: Option<&'static str>,
    /// The key in its table: the last part of its name.
    pub key: &'static str,
    /// The name as a path in the API's JSON.
    pub wire: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// Whether it has to be declared.
    pub need: Need,
    /// The only kind of owner whose configs have it; nothing where both have.
    pub only_on: Option<OwnerKind>,
    /// What it is, in a line: for editors and whoever has to be told.
    pub doc: &'static str,
    /// A value, as an example; for a list, its items.
    pub examples: &'static [&'static str],
}

/// Whether a field has to be declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The platform refuses a resource without it.
    Always,
    /// It may be left out.
    Never,
    /// The connect API refuses a config without it, the platform API does not.
    OnConnectors,
    /// The platform refuses a request without it, and never shows it: it may be left out for as long as
    /// nothing has to be sent.
    ToWrite,
}

/// Which values a field takes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text. Absent means empty.
    Text,
    /// What something is called or known by: where it is declared, it is not empty and can be seen. Absent means
    /// empty.
    Name,
    /// An address that tokens or users are sent to. Absent means empty.
    Url,
    /// An address with `{placeholders}`. Absent means empty.
    UrlTemplate,
    /// Parameters as in a query: `a=b&c=d`. Absent means empty.
    Query,
    /// True or false. Absent means false.
    Flag,
    /// One of the API's own words.
    Choice(&'static [&'static str]),
    /// One of the API's own words, which older answers leave out: absent in an answer means not known.
    NewerChoice(&'static [&'static str]),
    /// One of a few words, each with the API's word for it.
    Word(&'static [(&'static str, &'static str)]),
    /// A list of texts in which the order counts. Absent means empty.
    Sequence,
    /// A list of the API's own words in which the order counts: where it is declared, it holds one. Absent means
    /// empty.
    Choices(&'static [&'static str]),
    /// A list of texts in which the order does not count. Absent means empty.
    Set,
    /// OAuth scopes: texts, or names with descriptions; the order does not count. Absent means empty.
    Scopes,
    /// Parameters of an OAuth 1 endpoint, in order. Absent means empty.
    Parameters,
    /// A secret: a reference in files, never shown by the platform.
    Secret,
}

/// Where an OAuth 1 parameter goes, in files and in the API.
pub const LOCATIONS: &[(&str, &str)] = &[
    ("ignore", "LOCATION_IGNORE"),
    ("body", "LOCATION_BODY"),
    ("header", "LOCATION_HEADER"),
    ("query", "LOCATION_QUERY"),
    ("endpoint", "LOCATION_ENDPOINT"),
    ("header-parameter", "LOCATION_HEADER_PARAMETER"),
];

/// In which request an OAuth 1 parameter is used, in files and in the API.
pub const USAGES: &[(&str, &str)] = &[
    ("unknown", "USAGE_UNKNOWN"),
    ("temp-credential", "USAGE_TEMP_CREDENTIAL_ENDPOINT"),
    ("token-request", "USAGE_TOKEN_REQUEST_ENDPOINT"),
];

impl Field {
    /// A field of configs of both kinds of owner.
    pub const fn new(name: &'static str, wire: &'static str, kind: Kind, need: Need) -> Self {
        let (table, key) = taken_apart(name);
        Self { name, table, key, wire, kind, need, only_on: None, doc: "", examples: &[] }
    }

    /// A field that only the configs of systems have.
    pub const fn on_systems(name: &'static str, wire: &'static str, kind: Kind, need: Need) -> Self {
        Self { only_on: Some(OwnerKind::System), ..Self::new(name, wire, kind, need) }
    }

    /// The same, with a line that says what it is.
    #[must_use]
    pub const fn doc(self, doc: &'static str) -> Self {
        Self { doc, ..self }
    }

    /// The same, with an example.
    #[must_use]
    pub const fn examples(self, examples: &'static [&'static str]) -> Self {
        Self { examples, ..self }
    }

    /// The key in the resource's own table: its own, or that of the table that it stands in.
    pub fn outer_key(&self) -> &'static str {
        self.table.unwrap_or(self.key)
    }

    /// Whether configs of this kind of owner have it.
    pub fn is_on(&self, kind: OwnerKind) -> bool {
        self.only_on.is_none_or(|only| only == kind)
    }

    /// Whether a config of this kind of owner is refused where it is not declared.
    pub fn is_required_on(&self, kind: OwnerKind) -> bool {
        match self.need {
            Need::Always => true,
            Need::OnConnectors => kind == OwnerKind::Connector,
            Need::Never | Need::ToWrite => false,
        }
    }

    /// A value as it may be shown: whoever wrote an address by hand may have written a password into it.
    pub fn shown(&self, value: Value) -> Value {
        match (self.kind, value) {
            (Kind::Url | Kind::UrlTemplate, Value::String(text)) => Value::String(shown_address(&without_user(text))),
            (Kind::Query, Value::String(text)) => Value::String(without_secrets(&text)),
            (_, value) => value,
        }
    }

    /// Whether its values may never be shown.
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret)
    }

    /// The value on the wire in the form in which it is compared: what the API leaves out becomes its
    /// default, and order that does not count is taken out.
    pub fn normalise(&self, wire: Option<&Value>) -> Value {
        let Some(value) = wire.filter(|value| !value.is_null()) else { return self.default_value() };
        match self.kind {
            Kind::Word(words) => from_wire(words, value),
            Kind::Set => sorted(texts(value).into_iter().map(Value::String)),
            Kind::Scopes => sorted(objects(value).map(scope)),
            Kind::Parameters => objects(value).map(parameter).collect(),
            _ => value.clone(),
        }
    }

    /// A value in the form in which it is compared, as the API takes it.
    pub fn to_wire(&self, value: &Value) -> Value {
        match self.kind {
            Kind::Word(words) => to_wire(words, value),
            Kind::Scopes => items(value).iter().map(scope_to_wire).collect(),
            Kind::Parameters => objects(value).map(parameter_to_wire).collect(),
            _ => value.clone(),
        }
    }

    /// What the platform takes an absent field for.
    pub fn default_value(&self) -> Value {
        match self.kind {
            Kind::Flag => Value::Bool(false),
            Kind::Sequence | Kind::Choices(_) | Kind::Set | Kind::Scopes | Kind::Parameters => Value::Array(Vec::new()),
            Kind::NewerChoice(_) | Kind::Secret => Value::Null,
            Kind::Text | Kind::Query | Kind::Name | Kind::Url | Kind::UrlTemplate | Kind::Choice(_) | Kind::Word(_) => {
                Value::String(String::new())
            }
        }
    }
}

/// What stands before the dot of a name, if it has one, and the rest. Known when this is compiled: it is asked for with
/// every field of every file.
const fn taken_apart(name: &'static str) -> (Option<&'static str>, &'static str) {
    let mut at = 0;
    while at < name.len() {
        if name.as_bytes()[at] == b'.' {
            let (table, rest) = name.split_at(at);
            return (Some(table), rest.split_at(1).1);
        }
        at += 1;
    }
    (None, name)
}

/// A list of texts as a field's value.
pub fn sequence(items: impl IntoIterator<Item = impl Into<String>>) -> Value {
    Value::Array(items.into_iter().map(|item| Value::String(item.into())).collect())
}

/// A list of texts or scopes in which the order does not count as a field's value.
pub fn sorted(items: impl IntoIterator<Item = Value>) -> Value {
    fn rank(item: &Value) -> (bool, Option<&str>, Option<&str>) {
        (item.is_object(), scope_name(item), item.get("description").and_then(Value::as_str))
    }
    let mut items: Vec<Value> = items.into_iter().collect();
    items.sort_by(|a, b| rank(a).cmp(&rank(b)));
    items.dedup();
    Value::Array(items)
}

/// A scope as an item of a field's value: its name alone where there is no description.
pub fn scope_value(name: &str, description: &str) -> Value {
    if description.is_empty() { json!(name) } else { json!({"name": name, "description": description}) }
}

/// The name of a scope out of a field's value.
pub fn scope_name(scope: &Value) -> Option<&str> {
    scope.as_str().or_else(|| scope.get("name")?.as_str())
}

/// The texts of a list; anything else in it is passed over.
pub fn texts(value: &Value) -> Vec<String> {
    items(value).iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn objects(value: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    items(value).iter().filter_map(Value::as_object)
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn flag(object: &Map<String, Value>, key: &str) -> bool {
    object.get(key).and_then(Value::as_bool).unwrap_or_default()
}

fn scope(wire: &Map<String, Value>) -> Value {
    scope_value(text(wire, "name"), text(wire, "description"))
}

fn scope_to_wire(scope: &Value) -> Value {
    match scope {
        Value::String(name) => json!({"name": name}),
        described => described.clone(),
    }
}

fn parameter(wire: &Map<String, Value>) -> Value {
    json!({
        "name": text(wire, "parameterName"),
        "target_name": text(wire, "targetName"),
        "location": from_wire(LOCATIONS, wire.get("location").unwrap_or(&Value::Null)),
        "usages": from_wire(USAGES, wire.get("usages").unwrap_or(&Value::Null)),
        "required": flag(wire, "required"),
        "modifiable": flag(wire, "modifiable"),
    })
}

fn parameter_to_wire(parameter: &Map<String, Value>) -> Value {
    let mut wire = json!({
        "parameterName": text(parameter, "name"),
        "location": to_wire(LOCATIONS, parameter.get("location").unwrap_or(&Value::Null)),
        "usages": to_wire(USAGES, parameter.get("usages").unwrap_or(&Value::Null)),
        "required": flag(parameter, "required"),
        "modifiable": flag(parameter, "modifiable"),
    });
    if !text(parameter, "target_name").is_empty() {
        wire["targetName"] = json!(text(parameter, "target_name"));
    }
    wire
}

/// A word that is not known stays as it is, so that a difference to it is seen.
fn from_wire(words: &[(&str, &str)], value: &Value) -> Value {
    let known = words.iter().find(|(_, wire)| value == wire);
    known.map_or_else(|| value.clone(), |(word, _)| json!(word))
}

fn to_wire(words: &[(&str, &str)], value: &Value) -> Value {
    let known = words.iter().find(|(word, _)| value == word);
    known.map_or_else(|| value.clone(), |(_, wire)| json!(wire))
}

/// An address with nobody's name or password in it.
fn without_user(address: String) -> String {
    let Some(start) = address.find("//").map(|at| at + 2) else { return address };
    let authority = &address[start..];
    let authority = &authority[..authority.find(['/', '?', '#']).unwrap_or(authority.len())];
    match authority.rfind('@') {
        Some(at) => format!("{}…{}", &address[..start], &address[start + at..]),
        None => address,
    }
}

/// An address without the values of secret parameters.
fn shown_address(address: &str) -> String {
    match address.split_once('?') {
        Some((path, query)) => format!("{path}?{}", without_secrets(query)),
        None => address.to_owned(),
    }
}

/// Words in the names of parameters whose values are nobody's business. `token` alone is none of them:
/// `token_type` and `token_access_type` are what such parameters are for.
const SECRET_WORDS: &[&str] = &["secret", "password", "passwd", "assertion", "private_key", "api_key", "apikey"];
const SECRET_NAMES: &[&str] = &["token", "access_token", "refresh_token", "id_token"];

/// The first parameter of a query whose name says that it is a secret.
pub fn secret_parameter(query: &str) -> Option<String> {
    let mut names = query.split('&').map(parameter_name);
    names.find(|name| is_secret_name(name))
}

/// A query without the values of its secret parameters.
fn without_secrets(query: &str) -> String {
    let shown = |parameter: &str| match parameter.split_once('=') {
        Some((name, _)) if is_secret_name(&parameter_name(parameter)) => format!("{name}=…"),
        _ => parameter.to_owned(),
    };
    query.split('&').map(shown).collect::<Vec<_>>().join("&")
}

fn parameter_name(parameter: &str) -> String {
    url::form_urlencoded::parse(parameter.as_bytes()).next().map(|(name, _)| name.trim().to_owned()).unwrap_or_default()
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    // An assertion's type is a public word.
    let is_kind = name.ends_with("_type");
    SECRET_NAMES.contains(&name.as_str()) || !is_kind && SECRET_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPES: Field = Field::new("scopes", "scopes", Kind::Scopes, Need::Always);

    #[test]
    fn scopes_compare_as_a_set_and_are_sent_as_objects() {
        let one = SCOPES.normalise(Some(&json!([{"name": "b", "description": "B"}, {"name": "a", "description": ""}])));
        let other = SCOPES.normalise(Some(&json!([{"name": "a"}, {"name": "b", "description": "B"}, {"name": "a"}])));
        assert_eq!(one, other);
        assert_eq!(SCOPES.to_wire(&json!(["a"])), json!([{"name": "a"}]));
    }

    #[test]
    fn a_query_is_shown_without_its_secrets() {
        let field = Field::new("q", "q", Kind::Query, Need::Never);
        let shown = |query: &str| field.shown(json!(query));
        assert_eq!(shown("audience=a%3D&resource=r&flag"), "audience=a%3D&resource=r&flag");
        assert_eq!(shown("a=b&client%5Fsecret=hunter2&c=d"), "a=b&client%5Fsecret=…&c=d");
        let assertion = "client_assertion_type=urn&client_assertion=ey";
        assert_eq!(shown(assertion), "client_assertion_type=urn&client_assertion=…");
        assert_eq!(secret_parameter("token_type=x&access_type=offline"), None);
        assert_eq!(secret_parameter("token_type=x&Api-Key=k").as_deref(), Some("Api-Key"));
    }

    #[test]
    fn parameters_survive_the_way_there_and_back() {
        let field = Field::new("p", "p", Kind::Parameters, Need::Never);
        let value = json!([{"name": "realm", "target_name": "", "location": "header-parameter", "usages": "token-request", "required": true, "modifiable": false}]);
        assert_eq!(field.normalise(Some(&field.to_wire(&value))), value);
        let news = json!([{"parameterName": "x", "location": "LOCATION_ELSEWHERE"}]);
        assert_eq!(field.normalise(Some(&news))[0]["location"], "LOCATION_ELSEWHERE");
    }

    #[test]
    fn what_an_answer_leaves_out_is_the_default() {
        let field = |kind| Field::new("f", "f", kind, Need::Never);
        assert_eq!(field(Kind::Flag).normalise(None), json!(false));
        assert_eq!(field(Kind::Set).normalise(Some(&Value::Null)), json!([]));
        assert_eq!(field(Kind::NewerChoice(&["hex"])).normalise(None), Value::Null);
    }
}
