//! The fixed demo world.

use super::world::World;

/// Ids of the seeded world, for documents and tests that show them.
pub mod ids {
    /// The organisation "Acme".
    pub const ORGANISATION: &str = "01J0ACME000000000000000000";
    /// The project `storefront`.
    pub const STOREFRONT: &str = "01J0PR0JECTST0REFR0NT00000";
    /// The environment `production` of `storefront`.
    pub const PRODUCTION: &str = "01J0ENVPR0D000000000000000";
    /// The environment `staging` of `storefront`.
    pub const STAGING: &str = "01J0ENVSTAG1NG000000000000";
    /// The system `shopify`.
    pub const SHOPIFY: &str = "01J0SYSSH0P1FY000000000000";
    /// The system `netsuite`.
    pub const NETSUITE: &str = "01J0SYSNETSV1TE00000000000";
    /// The system `stripe`.
    pub const STRIPE: &str = "01J0SYSSTR1PE0000000000000";
    /// The connector `warehouse`.
    pub const WAREHOUSE: &str = "01J0C0NNWAREH0VSE000000000";
    /// The connection template `legacy-erp` in `staging`.
    pub const LEGACY_ERP: &str = "01J0TEMP1ATE1EGACYERP00000";
}

/// The demo world in the format of `--world`, so that it doubles as an example of one.
pub(super) const SEEDED: &str = r#"
organisation = { id = "01J0ACME000000000000000000", name = "Acme" }

[[projects]]
id = "01J0PR0JECTST0REFR0NT00000"
name = "storefront"
environments = [
    { id = "01J0ENVPR0D000000000000000", name = "production" },
    { id = "01J0ENVSTAG1NG000000000000", name = "staging" },
]

[[systems]]
id = "01J0SYSSH0P1FY000000000000"
name = "shopify"
domain = "shopify.com"
template_base_url = "https://{shop}.myshopify.com/admin/api"

[[systems]]
id = "01J0SYSNETSV1TE00000000000"
name = "netsuite"
domain = "netsuite.com"
template_base_url = "https://{account}.suitetalk.api.netsuite.com"
auth_scheme_configs = [
    { type = "basic-auth", basicAuth = { id = "netsuite-legacy", description = "Made by hand" } },
]

[[systems]]
id = "01J0SYSSTR1PE0000000000000"
name = "stripe"
domain = "stripe.com"
template_base_url = "https://api.stripe.com/v1"

[[connectors]]
id = "01J0C0NNWAREH0VSE000000000"
name = "warehouse"
base_url = "https://warehouse.acme.invalid/api"
auth_scheme_configs = [
    { id = "warehouse-none", description = "Inside the network", schemeType = "none" },
]

[[connection_templates]]
id = "01J0TEMP1ATE1EGACYERP00000"
name = "legacy-erp"
project = "storefront"
environment = "staging"
system = "netsuite"
auth_scheme_configs = ["netsuite-legacy"]
"#;

impl World {
    /// The demo world, always the same. Its token is `sandbox`.
    ///
    /// | what | name | id |
    /// | --- | --- | --- |
    /// | organisation | Acme | `01J0ACME000000000000000000` |
    /// | project | storefront | `01J0PR0JECTST0REFR0NT00000` |
    /// | environment | production | `01J0ENVPR0D000000000000000` |
    /// | environment | staging | `01J0ENVSTAG1NG000000000000` |
    /// | system | shopify | `01J0SYSSH0P1FY000000000000` |
    /// | system | netsuite | `01J0SYSNETSV1TE00000000000` |
    /// | system | stripe | `01J0SYSSTR1PE0000000000000` |
    /// | connector | warehouse | `01J0C0NNWAREH0VSE000000000` |
    /// | connection template in staging, on netsuite | legacy-erp | `01J0TEMP1ATE1EGACYERP00000` |
    ///
    /// `netsuite` has one auth scheme config, `netsuite-legacy` (basic-auth), which `legacy-erp` uses;
    /// `warehouse` has one, `warehouse-none` (none). All three were "made by hand": nothing manages them.
    pub fn seeded() -> World {
        // The text is fixed, and a test reads it: there is no other way for this to end.
        World::from_toml(SEEDED).unwrap_or_else(|_| World::empty(ids::ORGANISATION))
    }
}

#[cfg(test)]
mod tests {
    use super::super::configs::Owner;
    use super::*;

    #[test]
    fn the_seeded_world_is_what_the_documents_show() {
        let world = World::from_toml(SEEDED).unwrap();
        assert_eq!((world.organisation(), world.token()), (ids::ORGANISATION, "sandbox"));
        let lines: Vec<String> = world.summary().iter().map(ToString::to_string).collect();
        let expected = [
            format!("organisation         {}  Acme", ids::ORGANISATION),
            format!("project              {}  storefront", ids::STOREFRONT),
            format!("environment          {}  production (in storefront)", ids::PRODUCTION),
            format!("environment          {}  staging (in storefront)", ids::STAGING),
            format!("system               {}  netsuite", ids::NETSUITE),
            format!("system               {}  shopify", ids::SHOPIFY),
            format!("system               {}  stripe", ids::STRIPE),
            format!("connector            {}  warehouse", ids::WAREHOUSE),
            format!("connection template  {}  legacy-erp (in storefront)", ids::LEGACY_ERP),
        ];
        assert_eq!(lines, expected);
        assert_eq!(world.project_id("storefront").as_deref(), Some(ids::STOREFRONT));
        assert_eq!(world.environment_id(ids::STOREFRONT, "staging").as_deref(), Some(ids::STAGING));
        assert_eq!(world.system_id("netsuite").as_deref(), Some(ids::NETSUITE));
        assert_eq!(world.connector_id("warehouse").as_deref(), Some(ids::WAREHOUSE));
        let netsuite = world.config(&Owner::System(ids::NETSUITE.into()), "netsuite-legacy").unwrap();
        assert_eq!(netsuite["type"], "basic-auth");
        let warehouse = world.config(&Owner::Connector(ids::WAREHOUSE.into()), "warehouse-none").unwrap();
        assert_eq!(warehouse["schemeType"], "none");
        assert_eq!(world.templates()[0].auth_scheme_configs, ["netsuite-legacy"]);
        assert_eq!(world.credentials_made(), 0);
    }
}
