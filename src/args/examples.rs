//! What `versync help COMMAND` shows beneath the flags. A test parses every line that begins with `versync`.

pub(super) const RUN: &str = "Examples:
  Try it without an account: files are applied to a stand-in within this process
    versync --sandbox --manifests examples/quickstart run
  See what it would do, also beside one that runs
    versync run --dry-run";

pub(super) const PLAN: &str = "Examples:
  What would be done about everything, or about one file or resource
    versync plan
    versync plan manifests/shop.toml
    versync plan 'connection_template.storefront/production/*'
  In a pipeline: 0 in sync, 1 in error, 2 something is to be done; and the plan for a later `versync apply`
    versync plan --detailed-exitcode --out plan.json
  Without the platform: compared with what was last applied
    versync plan --no-refresh";

pub(super) const APPLY: &str = "Examples:
  Look at the plan, then say yes
    versync apply
  In a pipeline: exactly what somebody has looked at
    versync apply plan.json --yes
  One resource alone
    versync apply connection_template.storefront/production/shop";

pub(super) const VALIDATE: &str = "Examples:
  The whole folder, or only what has changed
    versync validate
    versync validate manifests/shop.toml
  For a code host that marks the lines of a change
    versync validate --format sarif > versync.sarif";

pub(super) const FMT: &str = "Examples:
  Lay out every manifest
    versync fmt
  In a hook before a commit: show what would change
    versync fmt --check manifests";

pub(super) const SCHEMA: &str = "Examples:
  For an editor, with `#:schema ./manifest.schema.json` in the first line of a manifest
    versync schema manifest > manifest.schema.json";

pub(super) const INIT: &str = "Examples:
  Be asked for everything
    versync init
  Without a terminal
    versync init --organisation 01J0ACME000000000000000000 --token-env VERSORI_API_KEY \\
      --project storefront --environment production
  In another folder, with the key in a file there that only its owner reads
    versync init --config acme/versync.toml --token-file api.key";

pub(super) const IMPORT: &str = "Examples:
  The connection templates of one environment, and the auth scheme configs of a system
    versync import --project storefront --environment production --system shopify --out manifests
  All environments of a project
    versync import --project storefront --out manifests";

pub(super) const STATUS: &str = "Examples:
  How things stand, for people and for programs
    versync status
    versync status --json";

pub(super) const EXPLAIN: &str = "Examples:
  Why is it held, who has changed it, what happens next
    versync explain connection_template.storefront/production/shop
  A part of the address is enough where no other has it; * stands for any text
    versync explain shop-key
    versync explain '*/production/shop'
  While the platform is down
    versync explain --no-refresh shop-key";

pub(super) const HISTORY: &str = "Examples:
  The last five changes, and all that are kept
    versync history -n 5
    versync history -n 0 --json";

pub(super) const APPROVE: &str = "Examples:
  Let the deletes through that the last pass held
    versync approve
  Those that `plan` has shown and no pass has held yet: it ends with this command, and the whole hash
    versync approve HASH";

pub(super) const COMPLETIONS: &str = "Examples:
  For this user's bash
    versync completions bash > ~/.local/share/bash-completion/completions/versync";

pub(super) const MAN: &str = "Examples:
  A page for each command
    versync man --out /usr/local/share/man/man1";

pub(super) const SANDBOX: &str = "Examples:
  In one shell; it prints what to set in another
    versync sandbox
  Rehearse a bad day: a twentieth of the requests is refused, a fiftieth is lost
    versync sandbox --faults 429=5,lost=2 --fault-seed 7
  Begin with a world of one's own: projects, systems, connectors and what is in them
    versync sandbox --world world.toml";
