use super::super::SandboxError;
use super::*;

fn error(text: &str) -> (usize, usize, String) {
    match World::from_toml(text) {
        Err(SandboxError::World { line, column, message }) => (line, column, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_organisation_is_enough_and_ids_are_made_up() {
    let world = World::from_toml("organisation = { name = \"O\" }\ntoken = \"t\"").unwrap();
    assert_eq!((world.organisation().len(), world.token()), (26, "t"));
}

#[test]
fn what_is_made_without_an_id_can_be_named() {
    let text = r#"
        organisation = { name = "O" }
        [[projects]]
        name = "p"
        environments = [{ name = "e" }]
        [[systems]]
        name = "s"
        auth_scheme_configs = [
            { type = "oauth2", oauth2 = { id = "o", description = "", tokenUrl = "https://a.example", scopes = [],
              defaultScopes = [], grant = { type = "password", password = { clientSecret = "s3cret" } } } },
        ]
        [[connection_templates]]
        name = "t"
        project = "p"
        environment = "e"
        system = "s"
        dynamic = true
        auth_scheme_configs = ["o"]
    "#;
    let world = World::from_toml(text).unwrap();
    let project = world.project_id("p").unwrap();
    let template = &world.templates()[0];
    assert_eq!(
        (&template.project, template.environment.clone()),
        (&project, world.environment_id(&project, "e").unwrap())
    );
    assert_eq!((template.dynamic, template.auth_scheme_configs.as_slice()), (true, &["o".to_owned()][..]));
    let system = Owner::System(world.system_id("s").unwrap());
    assert_eq!(world.secret(&system, "o"), Some("s3cret"));
    assert_eq!(world.credentials_made(), 0, "what was there at the start does not count");
}

#[test]
fn errors_say_where_and_never_what_was_written() {
    for (text, line, column) in [
        ("organisation = { name = \"O\" }\ntoken = hunter2", 2, 9),
        ("organisation = { name = \"O\" }\ntoken = \"hunter2", 2, 17),
        ("organisation = { name = \"O\" }\ntoken = { hunter2 = 1 }", 2, 9),
        ("organisation = { name = \"O\" }\nhunter2 = 1", 2, 1),
        ("organisation = { name = \"O\" }\nsystems = \"hunter2, expected hunter2\"", 2, 11),
        ("organisation = { name = \"O\" }\ntoken = \"\"", 2, 9),
        ("organisation = { name = \"O\", id = \"hunter2\" }", 1, 16),
        ("organisation = { name = \"O\" }\nhunter2 = 1\nhunter2 = 2", 3, 1),
        (
            "organisation = { name = \"O\" }\nsystems = [\n  { name = \"s\", auth_scheme_configs = [\n    { type = \"hunter2\" }] }]",
            4,
            5,
        ),
        (
            "organisation = { name = \"O\" }\nconnection_templates = [{ name = \"hunter2\", project = \"hunter2\", environment = \"\", system = \"\" }]",
            2,
            25,
        ),
    ] {
        let (l, c, message) = error(text);
        assert!(!message.contains("hunter2"), "{message}");
        assert_eq!((l, c), (line, column), "{message}");
    }
}

#[test]
fn a_missing_key_is_named() {
    assert_eq!(error("token = \"t\""), (1, 1, "missing field `organisation`".to_owned()));
    let (_, _, message) = error("organisation = { name = \"O\", nmae = 1 }");
    assert_eq!(message, "unknown key; expected `id` or `name`");
}

#[test]
fn ids_and_names_are_told_apart() {
    let twice = format!(
        "organisation = {{ id = \"{0}\", name = \"O\" }}\n[[systems]]\nid = \"{0}\"\nname = \"s\"",
        ids::STRIPE
    );
    assert_eq!(error(&twice).2, "the id is used twice");
    let twin = "organisation = { name = \"O\" }\n[[projects]]\nname = \"p\"\nenvironments = [{ name = \"e\" }, { name = \"e\" }]";
    assert_eq!((error(twin).0, error(twin).1), (4, 33));
    let config = "{ id = \"c\", description = \"\", schemeType = \"none\" }";
    let same = format!(
        "organisation = {{ name = \"O\" }}\n[[connectors]]\nname = \"c\"\nauth_scheme_configs = [{config}, {config}]"
    );
    assert_eq!(error(&same).2, "there is another auth scheme config of this id here");
}
