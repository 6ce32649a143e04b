//! What the platform refuses, told at the line that says so.

use super::auth_scheme_config::{SCHEMES, TYPE, fields_of};
use super::connection_template::{AUTH_SCHEME_CONFIGS, DYNAMIC, NAME, SYSTEM};
use super::document::locate;
use super::manifest::{Declared, Target};
use super::schema::{Field, Kind};
use super::source::{Place, Problem};

/// A field of a request that the platform refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its path in the request's body, as the platform writes it: `oauth2.scopes[0].name`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// A problem for each field of a declared resource that was refused, at its line; what its file does not declare is
/// told at the resource's header.
pub fn problems(declared: &Declared, refused: &[Refused]) -> Vec<Problem> {
    let one = |refused: &Refused| {
        let path = Path::of(&refused.field);
        let (key, place) = path.key(declared);
        let place = place.unwrap_or_else(|| declared.place.clone());
        let what = key.map_or_else(|| format!("`{}`", refused.field), |key| format!("`{key}`"));
        let address = &declared.address;
        let problem = Problem::at(place, format!("{address}: the platform refuses {what}: {}", refused.message));
        match key {
            Some(key) if key != refused.field => problem.help(format!("the platform calls it {}", refused.field)),
            _ => problem,
        }
    };
    refused.iter().map(one).collect()
}

/// A path in a request: its keys, each with the index behind it.
struct Path<'a> {
    steps: Vec<(&'a str, Option<usize>)>,
}

impl<'a> Path<'a> {
    fn of(text: &'a str) -> Self {
        let step = |part: &'a str| match part.split_once('[') {
            Some((key, rest)) => (key, rest.trim_end_matches(']').parse().ok()),
            None => (part, None),
        };
        Self { steps: text.split('.').map(step).collect() }
    }

    /// The key in the manifest, and where it stands if it does.
    fn key(&self, declared: &Declared) -> (Option<&'static str>, Option<Place>) {
        let found = match &declared.target {
            Target::ConnectionTemplate { .. } => return self.template_key(declared),
            Target::AuthSchemeConfig { kind, .. } => {
                let steps = self.without_wrappers();
                let is_type = steps.first().is_some_and(|(key, _)| *key == "schemeType");
                let mut fields = fields_of(declared.type_name(), *kind);
                let field = fields.find(|field| is_path_of(field, &steps)).or(is_type.then_some(&TYPE));
                field.map(|field| (field, steps.get(field.wire.split('.').count() - 1).and_then(|(_, index)| *index)))
            }
        };
        let Some((field, index)) = found else { return (None, None) };
        // The order of what is compared as a set is not that of the file.
        let index = index.filter(|_| matches!(field.kind, Kind::Sequence | Kind::Choices(_) | Kind::Parameters));
        let path: Vec<&str> = field.name.split('.').collect();
        let place = locate(&declared.place, &path, index)
            // The table that it is missing in is nearer than the whole resource.
            .or_else(|| locate(&declared.place, &path[..path.len() - 1], None));
        (Some(field.name), place)
    }

    fn template_key(&self, declared: &Declared) -> (Option<&'static str>, Option<Place>) {
        let Target::ConnectionTemplate { environment, system, .. } = &declared.target else { return (None, None) };
        let Some((key, index)) = self.steps.first() else { return (None, None) };
        let here = |field: &Field| locate(&declared.place, &[field.name], *index);
        match *key {
            "systemId" => (Some(SYSTEM.name), Some(system.place.clone())),
            "environmentId" | "environment" => (Some("environment"), Some(environment.place.clone())),
            "name" => (Some(NAME.name), here(&NAME)),
            "dynamic" => (Some(DYNAMIC.name), here(&DYNAMIC)),
            "authSchemeConfigIds" => (Some(AUTH_SCHEME_CONFIGS.name), here(&AUTH_SCHEME_CONFIGS)),
            _ => (None, None),
        }
    }

    /// The steps without the member that the platform's dialect holds a scheme in, and without the one that it holds
    /// a grant in; the type of a grant as files call it.
    fn without_wrappers(&self) -> Vec<(&'a str, Option<usize>)> {
        let is_member = |key: &str| SCHEMES.iter().any(|scheme| scheme.member == key);
        let skipped = usize::from(self.steps.len() > 1 && self.steps.first().is_some_and(|(key, _)| is_member(key)));
        let mut steps = self.steps[skipped..].to_vec();
        if steps.first().is_some_and(|(key, _)| *key == "grant") {
            if steps.len() > 2 {
                steps.remove(1);
            }
            if let Some((key, _)) = steps.get_mut(1).filter(|(key, _)| *key == "grantType") {
                *key = "type";
            }
        }
        steps
    }
}

/// Whether a path begins with a field's own.
fn is_path_of(field: &Field, steps: &[(&str, Option<usize>)]) -> bool {
    let wire: Vec<&str> = field.wire.split('.').collect();
    steps.len() >= wire.len() && wire.iter().zip(steps).all(|(wire, (key, _))| wire == key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::manifest;
    use crate::model::source::SourceFile;

    const FILE: &str = r#"
[defaults]
system = "shopify"

[connection_templates.shop]
project = "storefront"
environments = ["production", "staging"]
auth_scheme_configs = ["key", "login"]

[auth_scheme_configs.login]
description = "d"
type = "oauth2"
token_url = "https://a.example/token"
scopes = ["read"]
default_scopes = []
grant = { type = "password", client_id = "abc", client_secret = { env = "SECRET" } }

[auth_scheme_configs.signed]
connector = "01J0C0NNWAREH0VSE000000000"
description = "d"
type = "hmac"
name = "X"
in = "header"
algorithm = "sha256"
digest_inputs = ["url", "body"]
"#;

    /// `key line:column`, and the text there.
    fn blamed(address: &str, field: &str) -> String {
        let file = SourceFile::new("a.toml", FILE);
        let (declared, found) = manifest::parse(&file);
        assert!(found.is_empty(), "{found:?}");
        let declared = declared.iter().find(|declared| declared.address.to_string().ends_with(address)).unwrap();
        let refused = Refused { field: field.to_owned(), message: "no".to_owned() };
        let problem = problems(declared, &[refused]).remove(0);
        let place = problem.place.unwrap();
        let excerpt = place.excerpt();
        let key = problem.message.split('`').nth(1).unwrap().to_owned();
        format!("{key} {}:{} {}", place.line(), place.column(), &excerpt.text[excerpt.mark])
    }

    #[test]
    fn both_dialects_lead_to_the_key_and_its_value() {
        for (address, field, blame) in [
            ("/login", "oauth2.tokenUrl", "token_url 13:13 \"https://a.example/token\""),
            ("/login", "oauth2.scopes[0].name", "scopes 14:10 [\"read\"]"),
            ("/login", "oauth2.grant.password.clientId", "grant.client_id 16:42 \"abc\""),
            ("/login", "grant.clientId", "grant.client_id 16:42 \"abc\""),
            ("/login", "oauth2.grant.type", "grant.type 16:18 \"password\""),
            ("/login", "type", "type 12:8 \"oauth2\""),
            ("/login", "oauth2.description", "description 11:15 \"d\""),
            ("/login", "oauth2.authorizeUrl", "authorize_url 10:22 login"),
            ("/login", "nobody.knows", "nobody.knows 10:22 login"),
            ("/signed", "digestInputs[1]", "digest_inputs 25:25 \"body\""),
            ("/signed", "schemeType", "type 21:8 \"hmac\""),
            ("staging/shop", "environmentId", "environment 7:31 \"staging\""),
            ("staging/shop", "systemId", "system 3:10 \"shopify\""),
            ("staging/shop", "authSchemeConfigIds[1]", "auth_scheme_configs 8:31 \"login\""),
            ("staging/shop", "dynamic", "dynamic 5:23 shop"),
        ] {
            assert_eq!(blamed(address, field), blame, "{field}");
        }
    }

    #[test]
    fn what_refers_to_a_secret_shows_the_reference_only() {
        let blame = blamed("/login", "oauth2.grant.password.clientSecret");
        assert!(blame.starts_with("grant.client_secret 16:"), "{blame}");
    }
}
