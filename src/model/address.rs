//! What a resource is called, and what it is: an [`Address`] is what people read and type, with names
//! where the files use names; an [`Identity`] is made of the platform's ids and never changes with spelling.

use std::fmt;

/// Which of the platform's two kinds of thing an auth scheme config belongs to. It decides the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerKind {
    /// A system: the platform API, `/v2`.
    System,
    /// A connector: the connect API, `/connect/v1`.
    Connector,
}

impl OwnerKind {
    /// The word that addresses and manifests use.
    pub fn as_str(self) -> &'static str {
        match self {
            OwnerKind::System => "system",
            OwnerKind::Connector => "connector",
        }
    }
}

impl fmt::Display for OwnerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A resource as people write it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// `auth_scheme_config.<kind>/<owner>/<id>`
    AuthSchemeConfig {
        /// System or connector.
        kind: OwnerKind,
        /// The owner's name or id, as the files write it.
        owner: String,
        /// The config's id.
        id: String,
    },
    /// `connection_template.<project>/<environment>/<name>`
    ConnectionTemplate {
        /// The project's name or id, as the files write it.
        project: String,
        /// The environment's name or id, as the files write it.
        environment: String,
        /// The template's name.
        name: String,
    },
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Address::AuthSchemeConfig { kind, owner, id } => config_text(*kind, owner, id),
            Address::ConnectionTemplate { project, environment, name } => template_text(project, environment, name),
        })
    }
}

/// Put together at once: piece by piece costs more, and every row of the state has two such texts.
fn config_text(kind: OwnerKind, owner: &str, id: &str) -> String {
    ["auth_scheme_config.", kind.as_str(), "/", owner, "/", id].concat()
}

fn template_text(project: &str, environment: &str, name: &str) -> String {
    ["connection_template.", project, "/", environment, "/", name].concat()
}

impl Address {
    /// The address of a template under another name; that of a config as it is, whose id never changes.
    #[must_use]
    pub fn renamed(&self, to: &str) -> Self {
        match self.clone() {
            Address::ConnectionTemplate { project, environment, .. } => {
                Address::ConnectionTemplate { project, environment, name: to.to_owned() }
            }
            config @ Address::AuthSchemeConfig { .. } => config,
        }
    }

    /// Whether it is written to be in the same place as another: the same environment, system or connector.
    pub fn is_beside(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Address::ConnectionTemplate { project, environment, .. },
                Address::ConnectionTemplate { project: its_project, environment: its_environment, .. },
            ) => environment == its_environment && project == its_project,
            (
                Address::AuthSchemeConfig { kind, owner, .. },
                Address::AuthSchemeConfig { kind: its_kind, owner: its_owner, .. },
            ) => kind == its_kind && owner == its_owner,
            _ => false,
        }
    }

    /// Reads an address back from its text. Names with a `/` in them are read from the left.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("connection_template.") {
            let mut parts = rest.splitn(3, '/').map(str::to_owned);
            return Some(Address::ConnectionTemplate {
                project: parts.next()?,
                environment: parts.next()?,
                name: parts.next()?,
            });
        }
        let rest = text.strip_prefix("auth_scheme_config.")?;
        let (kind, rest) = match rest.split_once('/')? {
            ("system", rest) => (OwnerKind::System, rest),
            ("connector", rest) => (OwnerKind::Connector, rest),
            _ => return None,
        };
        let (owner, id) = rest.split_once('/')?;
        Some(Address::AuthSchemeConfig { kind, owner: owner.to_owned(), id: id.to_owned() })
    }

    /// Whether a pattern, in which `*` stands for any text, names this resource.
    pub fn matches(&self, pattern: &str) -> bool {
        glob(pattern, &self.to_string())
    }
}

/// The owner of auth scheme configs, by its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// System or connector.
    pub kind: OwnerKind,
    /// Its ULID.
    pub id: String,
}

impl Owner {
    /// A system.
    pub fn system(id: impl Into<String>) -> Self {
        Self { kind: OwnerKind::System, id: id.into() }
    }

    /// A connector.
    pub fn connector(id: impl Into<String>) -> Self {
        Self { kind: OwnerKind::Connector, id: id.into() }
    }
}

/// An environment of a project, by their ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The project's ULID.
    pub project: String,
    /// The environment's ULID.
    pub environment: String,
}

/// A resource by the platform's ids: what the recorded state is keyed by. Two spellings of one thing
/// (a project by name and by ULID) have one identity. Configs sort before templates, as they are applied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// The config `id` of an owner.
    AuthSchemeConfig {
        /// Whose it is.
        owner: Owner,
        /// The config's id, unique among its owner's.
        id: String,
    },
    /// The template `name` of an environment.
    ConnectionTemplate {
        /// Where it is.
        scope: Scope,
        /// Its name: the platform's code refers to connections by it.
        name: String,
    },
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Identity::AuthSchemeConfig { owner, id } => config_text(owner.kind, &owner.id, id),
            Identity::ConnectionTemplate { scope, name } => template_text(&scope.project, &scope.environment, name),
        })
    }
}

impl Identity {
    /// Reads an identity back from its text form.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match Address::parse(text)? {
            Address::AuthSchemeConfig { kind, owner, id } => {
                Identity::AuthSchemeConfig { owner: Owner { kind, id: owner }, id }
            }
            Address::ConnectionTemplate { project, environment, name } => {
                Identity::ConnectionTemplate { scope: Scope { project, environment }, name }
            }
        })
    }
}

/// Whether a text is a ULID: 26 characters of Crockford's base 32, at most 128 bits.
/// Where files may give a name or an id, this decides which one it is.
pub fn is_ulid(text: &str) -> bool {
    // Another spelling of an id would be another identity of the same thing.
    ulid::Ulid::from_string(text).is_ok_and(|id| id.to_string() == text)
}

/// What keeps a text from being a ULID, said of it.
pub fn ulid_flaw(text: &str) -> String {
    match text.chars().count() {
        26 => "a ULID has digits and capital letters only, without I, L, O and U, and begins with 7 at most".to_owned(),
        count => format!("it has {}, not 26", super::wording::counted(count, "character")),
    }
}

/// Says why a text cannot stand in a URL's path as one segment, if it cannot: a `..` or a `/` would
/// make the request go elsewhere.
///
/// # Errors
///
/// What is wrong with it, ready to follow "it".
pub fn check_segment(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.trim().is_empty() {
        return Err("holds nothing but spaces");
    }
    if text == "." || text == ".." {
        return Err("would change the path of the request");
    }
    if text.contains(['/', '\\']) {
        return Err("holds a slash");
    }
    if text.chars().any(super::source::is_unprintable) {
        return Err("holds a character that cannot be seen");
    }
    if text.len() > 255 {
        return Err("is longer than 255 bytes");
    }
    Ok(())
}

/// Whether a URL leads to this machine.
pub fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// `*` stands for any text; everything else for itself.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(head) else { return false };
    text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| glob(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_being_written_and_read() {
        for text in [
            "connection_template.storefront/production/shopify",
            "connection_template.storefront/production/with/slash",
            "auth_scheme_config.system/shopify/key",
            "auth_scheme_config.connector/01J8ZQ00000000000000000000/key",
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
            assert_eq!(Identity::parse(text).unwrap().to_string(), text);
        }
        for text in ["connection_template.a/b", "auth_scheme_config.project/a/b", "shopify"] {
            assert_eq!(Address::parse(text), None);
        }
    }

    #[test]
    fn a_star_stands_for_any_text() {
        let address = Address::parse("connection_template.storefront/production/shopify").unwrap();
        for pattern in [
            "*",
            "*/production/*",
            "connection_template.*",
            "*shopify",
            "connection_template.storefront/production/shopify",
        ] {
            assert!(address.matches(pattern), "{pattern}");
        }
        for pattern in ["", "shopify", "*/staging/*", "auth_scheme_config.*"] {
            assert!(!address.matches(pattern), "{pattern}");
        }
    }

    #[test]
    fn ids_that_would_change_a_path_are_refused() {
        for bad in ["", ".", "..", "a/b", "a\\b", "a\nb", "a\u{202e}b"] {
            assert!(check_segment(bad).is_err(), "{bad:?}");
        }
        for good in ["my-oauth", "01J8ZQ00000000000000000000", "a b", "ü", "..."] {
            assert!(check_segment(good).is_ok(), "{good:?}");
        }
    }
}
