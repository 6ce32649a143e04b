use versync::sandbox::{Owner, ids};

use super::{Ran, Site};

pub(crate) const CANARY: &str = "canary-5f0c1d";

/// Every type that a system can have.
pub(crate) const ON_SYSTEM: &str = r#"
[defaults]
system = "shopify"

[auth_scheme_configs.s-none]
description = ""
type = "none"

[auth_scheme_configs.s-key]
description = "d"
type = "api-key"
name = "k"
in = "query"

[auth_scheme_configs.s-basic]
description = "d"
type = "basic-auth"

[auth_scheme_configs.s-certificate]
description = "d"
type = "certificate"

[auth_scheme_configs.s-hmac]
description = "d"
type = "hmac"
name = "sig"
in = "header"
algorithm = "sha256"
digest_inputs = ["url", "body"]
encoding = "base64url"

[auth_scheme_configs.s-code]
description = "d"
type = "oauth2"
authorize_url = "https://a.example/authorize"
token_url = "https://a.example/token"
scopes = ["b", { name = "a", description = "A" }]
default_scopes = ["b", "a"]
additional_authorize_params = "x=1"
additional_token_params = "y=2"
mtls_enabled = true
pkce = true
grant = { type = "authorization-code", client_id = "me", client_secret = { env = "CANARY" } }

[auth_scheme_configs.s-password]
description = "d"
type = "oauth2"
token_url = "https://a.example/token"
scopes = []
default_scopes = []
grant = { type = "password", client_id = "me", client_secret = { env = "CANARY" } }

[auth_scheme_configs.s-machine]
description = "d"
type = "oauth2"
token_url = "https://a.example/token"
scopes = ["a"]
default_scopes = []
grant = { type = "client-credentials" }

[auth_scheme_configs.s-oauth1]
description = "d"
type = "oauth1"
consumer_key = "ck"
consumer_secret = { env = "CANARY" }
signature_method = "sha256"
temp_credential_endpoint = { url = "https://{shop}.example/t", parameter_transmission = "form", additional_params = [
    { name = "realm", location = "header-parameter", usages = "temp-credential", required = true, modifiable = true },
    { name = "plain", target_name = "other", location = "ignore", usages = "unknown" },
] }
resource_owner_authorization_endpoint = { url = "https://a.example/r" }
token_endpoint = { url = "https://a.example/k", parameter_transmission = "authorization-header" }
"#;

/// Every type that a connector can have.
pub(crate) fn on_connector() -> String {
    let mut text = ON_SYSTEM.replace("system = \"shopify\"", "").replace("[defaults]\n", "").replace("s-", "c-");
    text.truncate(text.find("[auth_scheme_configs.c-oauth1]").unwrap());
    text = text.replace("encoding = \"base64url\"\n", "").replace("pkce = true\n", "");
    text = text.replace("token_url", "authorize_url = \"https://a.example/authorize\"\ntoken_url");
    text = text.replacen("authorize_url = \"https://a.example/authorize\"\nauthorize_url", "authorize_url", 1);
    text.replace("]\ndescription", "]\nconnector = \"01J0C0NNWAREH0VSE000000000\"\ndescription")
}

pub(crate) struct Schemes(pub(crate) Site);

impl Schemes {
    /// A world in which everything is declared and applied.
    pub(crate) fn applied() -> Self {
        let schemes = Self(Site::new());
        schemes.0.file("system.toml", ON_SYSTEM).file("connector.toml", on_connector());
        let ran = schemes.run(&["apply", "--yes"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        schemes
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, CANARY)
    }

    pub(crate) fn run_with(&self, args: &[&str], secret: &str) -> Ran {
        Ran::of(self.0.command(args).env("CANARY", secret).output().unwrap())
    }

    pub(crate) fn edit(&self, from: &str, to: &str) {
        self.0.file("system.toml", ON_SYSTEM.replace(from, to));
        self.0.file("connector.toml", on_connector().replace(from, to));
    }

    pub(crate) fn credentials(&self) -> usize {
        self.0.sandbox.world(|world| world.credentials_made())
    }

    pub(crate) fn assert_in_sync(&self) {
        let ran = self.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }

    pub(crate) fn secrets(&self) -> Vec<Option<String>> {
        let owned = [
            (Owner::System(ids::SHOPIFY.into()), "s-code"),
            (Owner::System(ids::SHOPIFY.into()), "s-oauth1"),
            (Owner::Connector(ids::WAREHOUSE.into()), "c-code"),
        ];
        self.0.sandbox.world(|world| owned.map(|(owner, id)| world.secret(&owner, id).map(str::to_owned)).into())
    }
}

/// One credential for each grant that needs one: two grants on each owner, and OAuth 1.
pub(crate) const CREDENTIALS: usize = 5;
