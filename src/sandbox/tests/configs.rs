use super::*;

#[test]
fn every_type_of_the_platform_dialect_comes_back_as_it_was_sent() {
    let mut world = world();
    for (kind, member, fields) in [
        ("none", "none", json!({})),
        ("api-key", "apiKey", json!({"name": "X-Key", "in": "header"})),
        ("basic-auth", "basicAuth", json!({})),
        ("certificate", "certificate", json!({})),
        (
            "hmac",
            "hmac",
            json!({"name": "sig", "in": "query", "algorithm": "sha512", "digestInputs": ["url", "body"], "encoding": "hex"}),
        ),
        (
            "oauth2",
            "oauth2",
            json!({
                "tokenUrl": "https://a.example/t", "authorizeUrl": "https://a.example/a",
                "scopes": [{"name": "r", "description": "Read"}], "defaultScopes": [], "pkce": true,
                "additionalAuthorizeParams": "a=b", "additionalTokenParams": "c=d",
                "grant": {"type": "clientCredentials", "clientCredentials": {}},
            }),
        ),
    ] {
        let mut inner = fields;
        inner["id"] = "c".into();
        inner["description"] = "d".into();
        let body = json!({"type": kind, member: inner});
        let answer = world.put_config(&shopify(), "c", &body).unwrap();
        assert_eq!(answer, json!({"id": "c", "type": kind, member: inner}));
        assert_eq!(world.config(&shopify(), "c"), Some(answer));
    }
    assert_eq!(world.configs(&shopify()).len(), 1, "all of them were updates of one");
    assert_eq!(world.credentials_made(), 0);
}

#[test]
fn every_type_of_the_connect_dialect_comes_back_as_it_was_sent() {
    let mut world = world();
    for body in [
        json!({"schemeType": "none"}),
        json!({"schemeType": "api-key", "name": "k", "in": "cookie"}),
        json!({"schemeType": "basic-auth"}),
        json!({"schemeType": "certificate"}),
        json!({"schemeType": "hmac", "name": "s", "in": "header", "algorithm": "sha256", "digestInputs": []}),
        flat_oauth2(&json!({"grantType": "client_credentials"})),
    ] {
        let mut body = body;
        body["id"] = "c".into();
        body["description"] = "".into();
        assert_eq!(world.put_config(&warehouse(), "c", &body).unwrap(), body);
    }
}

#[test]
fn what_one_dialect_lacks_is_not_kept() {
    let mut world = world();
    let hmac = json!({"id": "c", "description": "", "schemeType": "hmac", "name": "s", "in": "header",
        "algorithm": "sha256", "digestInputs": ["body"], "encoding": "hex", "novelty": 1});
    let answer = world.put_config(&warehouse(), "c", &hmac).unwrap();
    assert_eq!((answer.get("encoding"), answer.get("novelty")), (None, None));
    let mut oauth2 = flat_oauth2(&json!({"grantType": "client_credentials"}));
    oauth2["pkce"] = true.into();
    assert_eq!(world.put_config(&warehouse(), "o", &oauth2).unwrap().get("pkce"), None);
    let oauth1 = json!({"id": "c", "description": "", "schemeType": "oauth1"});
    assert_eq!(faults(world.put_config(&warehouse(), "c", &oauth1)), ["schemeType"]);
}

#[test]
fn empty_options_are_left_out_of_answers_and_required_fields_never_are() {
    let mut world = world();
    let mut body = oauth2(&json!({"type": "clientCredentials", "clientCredentials": {}}));
    for (name, value) in [
        ("pkce", json!(false)),
        ("mtlsEnabled", json!(false)),
        ("authorizeUrl", json!("")),
        ("additionalTokenParams", Value::Null),
        ("validationMessages", json!([{"text": "ignored", "severity": "error"}])),
        ("scopes", json!([{"name": "r", "description": ""}])),
        ("defaultScopes", json!([])),
    ] {
        body["oauth2"][name] = value;
    }
    let answer = world.put_config(&shopify(), "o", &body).unwrap();
    let expected = json!({
        "id": "o", "description": "d", "tokenUrl": "https://a.example/t", "scopes": [{"name": "r"}],
        "defaultScopes": [], "grant": {"type": "clientCredentials", "clientCredentials": {}},
    });
    assert_eq!(answer["oauth2"], expected);
}

#[test]
fn every_problem_is_reported_with_its_path() {
    let mut world = world();
    let body = json!({"type": "oauth2", "none": {}, "oauth2": {
        "id": "other", "tokenUrl": "nowhere", "authorizeUrl": 1, "scopes": [{"name": ""}, 5], "pkce": "yes",
        "defaultScopes": [""],
        "grant": {"type": "password", "clientCredentials": {}, "password": {"credentialId": ids::STRIPE, "clientId": 5}},
    }});
    let expected = [
        "none",
        "oauth2.id",
        "oauth2.description",
        "oauth2.tokenUrl",
        "oauth2.authorizeUrl",
        "oauth2.scopes[0].name",
        "oauth2.scopes[1]",
        "oauth2.defaultScopes[0]",
        "oauth2.pkce",
        "oauth2.grant.clientCredentials",
        "oauth2.grant.password.organisationId",
        "oauth2.grant.password.clientId",
    ];
    assert_eq!(faults(world.put_config(&shopify(), "o", &body)), expected);
    let flat = flat_oauth2(&json!({"grantType": "password", "clientId": []}));
    assert_eq!(faults(world.put_config(&warehouse(), "o", &flat)), ["grant.clientId"]);
    assert!(world.configs(&shopify()).is_empty(), "nothing of it was kept");
}

#[test]
fn required_fields_are_required() {
    let mut world = world();
    for (body, expected) in [
        (json!({}), vec!["type"]),
        (json!({"type": "secret", "secret": {}}), vec!["type"]),
        (json!({"type": "unheard-of"}), vec!["type"]),
        (json!({"type": "none"}), vec!["none"]),
        (json!({"id": "other", "type": "none", "none": {"id": "c", "description": ""}}), vec!["id"]),
        (
            json!({"type": "hmac", "hmac": {"id": "c", "description": "", "digestInputs": ["head"]}}),
            vec!["hmac.name", "hmac.in", "hmac.algorithm", "hmac.digestInputs[0]", "hmac.encoding"],
        ),
        (
            json!({"type": "oauth2", "oauth2": {"id": "c", "description": ""}}),
            vec!["oauth2.tokenUrl", "oauth2.scopes", "oauth2.defaultScopes", "oauth2.grant"],
        ),
        (oauth2_named_c(&json!({"type": "authorizationCode"})), vec!["oauth2.grant.authorizationCode"]),
    ] {
        assert_eq!(faults(world.put_config(&shopify(), "c", &body)), expected, "{body}");
    }
    let mut flat = flat_oauth2(&json!({"grantType": "authorizationCode"}));
    flat.as_object_mut().unwrap().remove("authorizeUrl");
    assert_eq!(faults(world.put_config(&warehouse(), "o", &flat)), ["authorizeUrl", "grant.grantType"]);
}

fn oauth2_named_c(grant: &Value) -> Value {
    let mut body = oauth2(grant);
    body["oauth2"]["id"] = "c".into();
    body
}

#[test]
fn the_platform_remarks_on_what_it_accepts() {
    let mut world = world();
    let mut body = oauth2(&json!({"type": "password", "password": {}}));
    body["oauth2"]["tokenUrl"] = "http://a.example/t".into();
    let answer = world.put_config(&shopify(), "o", &body).unwrap();
    let messages = answer["oauth2"]["validationMessages"].as_array().unwrap();
    let severities: Vec<&str> = messages.iter().filter_map(|it| it["severity"].as_str()).collect();
    assert_eq!(severities, ["warning", "warning", "info"]);
    assert_eq!(messages[0]["detail"], json!(["tokenUrl"]));
    assert_eq!(world.put_config(&shopify(), "o", &answer).unwrap(), answer, "and ignores its own remarks");
}

#[test]
fn somebody_else_can_change_a_config() {
    let mut world = world();
    let grant = json!({"type": "password", "password": {"clientId": "me"}});
    world.put_config(&shopify(), "o", &oauth2(&grant)).unwrap();
    let patch = json!({"description": "theirs", "pkce": null, "grant": {"clientId": "they"}});
    assert!(world.edit_config(&shopify(), "o", &patch));
    assert!(!world.edit_config(&shopify(), "absent", &patch));
    let config = world.config(&shopify(), "o").unwrap();
    assert_eq!((&config["oauth2"]["description"], config["oauth2"].get("pkce")), (&json!("theirs"), None));
    assert_eq!(config["oauth2"]["grant"]["password"]["clientId"], "they");
}

#[test]
fn owners_and_configs_have_to_exist() {
    let mut world = world();
    let body = json!({"id": "c", "description": "", "schemeType": "none"});
    let status = |result: Result<Value, Refusal>| result.unwrap_err().status;
    assert_eq!(status(world.put_config(&Owner::Connector(ids::STRIPE.into()), "c", &body)), 404);
    assert_eq!(status(world.put_config(&Owner::System(ids::WAREHOUSE.into()), "c", &body)), 404);
    assert_eq!(faults(world.put_config(&Owner::System("shopify".into()), "c", &body)), ["system_id"]);
    assert_eq!(world.delete_config(&warehouse(), "absent").unwrap_err().status, 404);
    assert!(world.delete_config(&warehouse(), "warehouse-none").is_ok());
    assert_eq!(world.delete_config(&warehouse(), "warehouse-none").unwrap_err().status, 404);
    // The id is unique within its owner only, and any text will do.
    assert!(world.put_config(&warehouse(), "c", &body).is_ok());
    let spaced = json!({"id": "my / oauth", "description": "", "schemeType": "none"});
    assert!(world.put_config(&warehouse(), "my / oauth", &spaced).is_ok());
    assert_eq!(world.put_config(&warehouse(), "c", &json!([])).unwrap_err().status, 400);
}
