//! The first files: settings, and a manifest to go on from.

use super::document::SecretRef;
use super::export::quoted;

/// What the first settings say.
#[derive(Debug, Clone, Copy)]
pub struct FirstSettings<'a> {
    /// The organisation's ULID.
    pub organisation: &'a str,
    /// Where the token is.
    pub token: &'a SecretRef,
    /// Another platform than the usual one.
    pub base_url: Option<&'a str>,
    /// The folder of manifests, from the settings' own.
    pub manifests: &'a str,
}

impl FirstSettings<'_> {
    /// As a settings file.
    pub fn to_toml(self) -> String {
        let (key, value) = match self.token {
            SecretRef::Env(name) => ("env", name),
            SecretRef::File(path) => ("file", path),
            SecretRef::Credential(name) => ("credential", name),
        };
        let base_url = self.base_url.map(|url| format!("base_url = {}\n", quoted(url))).unwrap_or_default();
        format!(
            "# The settings of versync; the README has all of them.\n\n\
             manifests = {}   # the watched folder\n\n\
             [api]\n{base_url}organisation = {}\ntoken = {{ {key} = {} }}   # where it is, never the token itself\n\n\
             [sync]\n\
             # prune = true       # delete what no file declares any more\n\
             # mode = \"observe\"   # only say what differs\n",
            quoted(self.manifests),
            quoted(self.organisation),
            quoted(value)
        )
    }
}

/// A manifest that declares nothing yet.
pub fn manifest(project: &str, environment: &str, systems: &[String]) -> String {
    let system = systems.first().map_or("…", String::as_str);
    let known = systems.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { String::new() } else { format!("   # one of {known}") };
    format!(
        "# What versync is to keep on the platform. Take the # away, or write further files beside this one.\n\n\
         [defaults]   # of this file\n\
         project = {}\nenvironment = {}\n\n\
         # [connection_templates.my-template]   # its name\n\
         # system = {}{known}\n\
         # dynamic = true\n\
         # auth_scheme_configs = [\"my-key\"]\n\n\
         # [auth_scheme_configs.my-key]         # its id\n\
         # system = {}\n\
         # description = \"What it is for\"\n\
         # type = \"api-key\"\n\
         # name = \"X-Api-Key\"\n\
         # in = \"header\"\n",
        quoted(project),
        quoted(environment),
        quoted(system),
        quoted(system)
    )
}

/// The name of a project's first manifest.
pub fn file_name(project: &str) -> String {
    let plain: String =
        project.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    format!("{}.toml", if plain.is_empty() { "first" } else { plain })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::manifest as manifests;
    use crate::model::source::SourceFile;

    #[test]
    fn the_first_manifest_is_sound_whatever_things_are_called() {
        let odd = "a\"b\\ [x] # 'y'";
        let text = manifest(odd, odd, &[odd.to_owned()]);
        let (resources, problems) = manifests::parse(&SourceFile::new("a.toml", text.clone()));
        assert!(resources.is_empty() && problems.is_empty(), "{problems:?} in {text}");
        let filled = text.replace("\n# ", "\n");
        let (resources, problems) = manifests::parse(&SourceFile::new("a.toml", filled.clone()));
        assert!(problems.is_empty() && resources.len() == 2, "{problems:?} in {filled}");
        assert_eq!((file_name("My Shop!"), file_name("…")), ("my-shop.toml".to_owned(), "first.toml".to_owned()));
    }
}
