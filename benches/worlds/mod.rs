//! Worlds of any size, and the manifests that declare all of them.

use std::fmt::Write;

/// The organisation of every world.
pub(crate) const ORGANISATION: &str = "01J0ACME000000000000000000";

const ENVIRONMENTS: usize = 10;

/// So many resources in so many files: one config for each template, on a tenth as many systems as there are files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Templates and configs together.
    pub(crate) resources: usize,
    /// Manifests.
    pub(crate) files: usize,
}

impl Size {
    fn systems(self) -> usize {
        (self.files / 10).clamp(1, 100)
    }

    /// The platform before anything is applied, as `versync sandbox --world` reads it.
    pub(crate) fn world(self) -> String {
        let mut text = format!(
            "organisation = {{ id = \"{ORGANISATION}\", name = \"acme\" }}\n\n[[projects]]\nname = \"shop\"\nenvironments = ["
        );
        for n in 0..ENVIRONMENTS {
            let _ = write!(text, "{{ name = \"env{n}\" }}, ");
        }
        text.push_str("]\n");
        for n in 0..self.systems() {
            let _ = write!(text, "\n[[systems]]\nname = \"system-{n}\"\n");
        }
        text
    }

    /// The files with their names.
    pub(crate) fn manifests(self) -> impl Iterator<Item = (String, String)> {
        let each = self.resources / 2 / self.files;
        (0..self.files).map(move |file| {
            let system = file % self.systems();
            let mut text = format!(
                "[defaults]\nproject = \"shop\"\nenvironment = \"env{}\"\nsystem = \"system-{system}\"\n",
                file % ENVIRONMENTS
            );
            for n in file * each..(file + 1) * each {
                let _ = write!(
                    text,
                    "\n[connection_templates.template-{n}]\ndynamic = true\nauth_scheme_configs = [\"config-{n}\"]\n\n\
                     [auth_scheme_configs.config-{n}]\nsystem = \"system-{system}\"\ndescription = \"Config number {n} of the \
                     shop\"\ntype = \"oauth2\"\nauthorize_url = \"https://auth.example.com/authorize\"\n\
                     token_url = \"https://auth.example.com/token\"\nscopes = [\"read\", \"write\", {{ name = \"admin\", \
                     description = \"Everything\" }}]\ndefault_scopes = [\"read\"]\ngrant = {{ type = \"client-credentials\" }}\n"
                );
            }
            (format!("file-{file:05}.toml"), text)
        })
    }

    /// Templates alone, without configs, in one file: each is made by one request.
    pub(crate) fn plain_templates(self) -> String {
        let mut text = "[defaults]\nproject = \"shop\"\nenvironment = \"env0\"\nsystem = \"system-0\"\n".to_owned();
        for n in 0..self.resources {
            let _ = write!(text, "\n[connection_templates.plain-{n}]\n");
        }
        text
    }
}
