use super::*;

fn oauth1(more: &Value) -> Value {
    let endpoint = json!({
        "url": "https://{account}.example/x", "parameterTransmission": "AUTH_STYLE_FORM",
        "additionalParamConfigs": [{
            "parameterName": "realm", "location": "LOCATION_HEADER", "usages": "USAGE_UNKNOWN",
            "required": false, "modifiable": true,
        }],
    });
    let mut fields = json!({
        "id": "o1", "description": "", "consumerKey": "key", "signatureMethod": "sha256",
        "tempCredentialEndpoint": endpoint, "resourceOwnerAuthorizationEndpoint": endpoint,
        "tokenEndpoint": endpoint,
    });
    for (name, value) in more.as_object().unwrap() {
        fields[name] = value.clone();
    }
    json!({"type": "oauth1", "oauth1": fields})
}

#[test]
fn a_grant_without_ids_makes_a_credential_each_time() {
    let mut world = world();
    let sent = oauth2(&json!({"type": "password", "password": {"clientId": "me", "clientSecret": "s3cret"}}));
    let first = world.put_config(&shopify(), "o", &sent).unwrap();
    let grant = &first["oauth2"]["grant"]["password"];
    let expected = json!({
        "credentialId": "01J0NEW0000000000000000001", "organisationId": ids::ORGANISATION, "clientId": "me",
    });
    assert_eq!(*grant, expected, "with the ids, without the secret");
    assert_eq!(world.secret(&shopify(), "o"), Some("s3cret"));
    let second = world.put_config(&shopify(), "o", &sent).unwrap();
    assert_ne!(second["oauth2"]["grant"]["password"]["credentialId"], grant["credentialId"]);
    assert_eq!(world.credentials_made(), 2);
}

#[test]
fn a_grant_with_both_ids_is_merged() {
    let mut world = world();
    let sent = json!({"grantType": "authorization_code", "clientId": "me", "clientSecret": "s3cret"});
    let mut body = flat_oauth2(&sent);
    body["additionalTokenParams"] = "a=b".into();
    body["mtlsEnabled"] = true.into();
    let first = world.put_config(&warehouse(), "o", &body).unwrap();
    let grant = json!({
        "grantType": "authorization_code", "credentialId": first["grant"]["credentialId"],
        "organisationId": first["grant"]["organisationId"],
    });

    let mut update = flat_oauth2(&grant);
    update["description"] = "new".into();
    update["mtlsEnabled"] = false.into();
    let second = world.put_config(&warehouse(), "o", &update).unwrap();
    assert_eq!(second["description"], "new");
    assert_eq!(second["additionalTokenParams"], "a=b", "absent means unchanged");
    assert_eq!(second.get("mtlsEnabled"), None, "sent empty means taken away");
    assert_eq!(second["grant"], first["grant"], "the client id stays as well");
    assert_eq!(world.secret(&warehouse(), "o"), Some("s3cret"), "and so does the secret");

    update["additionalTokenParams"] = Value::Null;
    update["grant"]["clientSecret"] = "rotated".into();
    let third = world.put_config(&warehouse(), "o", &update).unwrap();
    assert_eq!(third.get("additionalTokenParams"), None, "null means taken away");
    assert_eq!(world.secret(&warehouse(), "o"), Some("rotated"));
    assert_eq!(world.credentials_made(), 1);
}

#[test]
fn a_credential_outlives_its_config() {
    let mut world = world();
    let grant = json!({"type": "password", "password": {"clientId": "me", "clientSecret": "s"}});
    let first = world.put_config(&shopify(), "o", &oauth2(&grant)).unwrap();
    world.delete_config(&shopify(), "o").unwrap();
    let ids = &first["oauth2"]["grant"]["password"];
    let grant = json!({"type": "password", "password": {
        "credentialId": ids["credentialId"], "organisationId": ids["organisationId"],
    }});
    let again = world.put_config(&shopify(), "o", &oauth2(&grant)).unwrap();
    assert_eq!(again["oauth2"]["grant"]["password"], *ids);
    assert_eq!(world.secret(&shopify(), "o"), Some("s"));
}

#[test]
fn grant_ids_come_in_pairs_and_have_to_exist() {
    let mut world = world();
    let at = |name: &str| format!("oauth2.grant.authorizationCode.{name}");
    for (ids, fault) in [
        (json!({"credentialId": ids::STRIPE}), "organisationId"),
        (json!({"organisationId": ids::ORGANISATION}), "credentialId"),
        (json!({"credentialId": ids::STRIPE, "organisationId": ids::ORGANISATION}), "credentialId"),
        (json!({"credentialId": "x", "organisationId": ids::ORGANISATION}), "credentialId"),
    ] {
        let body = oauth2(&json!({"type": "authorizationCode", "authorizationCode": ids}));
        assert_eq!(faults(world.put_config(&shopify(), "o", &body)), [at(fault)]);
    }
    // A real credential, but of an organisation that is not there.
    let body = oauth2(&json!({"type": "authorizationCode", "authorizationCode": {}}));
    let made = world.put_config(&shopify(), "o", &body).unwrap();
    let mut body = made.clone();
    body["oauth2"]["grant"]["authorizationCode"]["organisationId"] = ids::STRIPE.into();
    assert_eq!(faults(world.put_config(&shopify(), "o", &body)), [at("credentialId")]);
    // What was answered can be sent back as it is.
    assert_eq!(world.put_config(&shopify(), "o", &made).unwrap(), made);
}

#[test]
fn oauth1_has_one_credential_for_life() {
    let mut world = world();
    assert_eq!(faults(world.put_config(&shopify(), "o1", &oauth1(&json!({})))), ["oauth1.consumerSecret"]);
    let with_secret = oauth1(&json!({"consumerSecret": "s3cret"}));
    let made = world.put_config(&shopify(), "o1", &with_secret).unwrap();
    assert_eq!(made["oauth1"]["credentialId"], "01J0NEW0000000000000000001");
    assert_eq!(made["oauth1"].get("consumerSecret"), None);
    let mut expected = oauth1(&json!({"credentialId": "01J0NEW0000000000000000001"}));
    expected["id"] = "o1".into();
    assert_eq!(made, expected, "the parameters' required flags are shown though one of them is false");

    let again = world.put_config(&shopify(), "o1", &oauth1(&json!({}))).unwrap();
    assert_eq!(again, made, "neither the id nor the secret has to be sent again");
    assert_eq!(world.put_config(&shopify(), "o1", &made).unwrap(), made);
    assert_eq!(world.secret(&shopify(), "o1"), Some("s3cret"));
    assert_eq!(world.credentials_made(), 1);
    let other = oauth1(&json!({"credentialId": ids::STRIPE}));
    assert_eq!(faults(world.put_config(&shopify(), "o1", &other)), ["oauth1.credentialId"]);
}

#[test]
fn oauth1_needs_its_endpoints_unless_it_authenticates_by_token() {
    let mut world = world();
    let bare = json!({"tempCredentialEndpoint": null, "resourceOwnerAuthorizationEndpoint": null,
        "tokenEndpoint": null, "consumerSecret": "s"});
    let expected =
        ["oauth1.tempCredentialEndpoint", "oauth1.resourceOwnerAuthorizationEndpoint", "oauth1.tokenEndpoint"];
    assert_eq!(faults(world.put_config(&shopify(), "o1", &oauth1(&bare))), expected);
    let mut bare = oauth1(&bare);
    bare["oauth1"]["tokenAuth"] = true.into();
    assert!(world.put_config(&shopify(), "o1", &bare).is_ok());
    let bad = json!({"consumerSecret": "s", "signatureMethod": "md5", "tokenEndpoint": {
        "parameterTransmission": "AUTH", "additionalParamConfigs": [{"parameterName": "a"}],
    }});
    let expected = [
        "oauth1.signatureMethod",
        "oauth1.tokenEndpoint.url",
        "oauth1.tokenEndpoint.parameterTransmission",
        "oauth1.tokenEndpoint.additionalParamConfigs[0].location",
        "oauth1.tokenEndpoint.additionalParamConfigs[0].usages",
        "oauth1.tokenEndpoint.additionalParamConfigs[0].required",
        "oauth1.tokenEndpoint.additionalParamConfigs[0].modifiable",
    ];
    assert_eq!(faults(world.put_config(&shopify(), "o1", &oauth1(&bad))), expected);
}

#[test]
fn mtls_links_the_certificate_of_the_same_owner_whichever_comes_first() {
    let certificate = json!({"id": "cert", "description": "", "schemeType": "certificate"});
    let mut mtls = flat_oauth2(&json!({"grantType": "client_credentials"}));
    mtls["mtlsEnabled"] = true.into();
    for certificate_first in [true, false] {
        let mut world = world();
        if certificate_first {
            world.put_config(&warehouse(), "cert", &certificate).unwrap();
            world.put_config(&warehouse(), "o", &mtls).unwrap();
        } else {
            let alone = world.put_config(&warehouse(), "o", &mtls).unwrap();
            assert_eq!(alone.get("mtlsCredentialId"), None);
            assert_eq!(alone["validationMessages"][0]["severity"], "warning");
            world.put_config(&warehouse(), "cert", &certificate).unwrap();
        }
        let linked = world.config(&warehouse(), "o").unwrap();
        assert_eq!(linked["mtlsCredentialId"], "01J0NEW0000000000000000001");
        assert_eq!(linked.get("validationMessages"), None);
        assert_eq!(world.credentials_made(), 0, "a certificate is no OAuth credential");
    }
}
