use super::*;

fn create(world: &mut World, more: &Value) -> Result<Value, Refusal> {
    let mut body = json!({"systemId": ids::SHOPIFY, "name": "shop", "environmentId": ids::STAGING});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    world.create_template(ids::STOREFRONT, &body)
}

#[test]
fn the_answer_has_the_systems_id_where_one_expects_the_templates() {
    let mut world = world();
    let answer = create(&mut world, &json!({"dynamic": true, "novelty": 1})).unwrap();
    let expected = json!({
        "id": ids::SHOPIFY, "connectionTemplateId": "01J0NEW0000000000000000001", "name": "shop",
        "domain": "shopify.com", "dynamic": true, "authSchemeConfigs": [],
        "templateBaseUrl": "https://{shop}.myshopify.com/admin/api", "createdAt": "2024-06-01T00:00:00Z",
    });
    assert_eq!(answer, expected);
}

#[test]
fn the_same_post_twice_makes_two() {
    let mut world = world();
    let first = create(&mut world, &json!({})).unwrap();
    let second = create(&mut world, &json!({})).unwrap();
    assert_ne!(first["connectionTemplateId"], second["connectionTemplateId"]);
    assert_eq!(world.templates().iter().filter(|it| it.name == "shop").count(), 2);
}

#[test]
fn a_template_needs_a_name_and_a_system_and_an_environment_that_exist() {
    let mut world = world();
    let none = world.create_template(ids::STOREFRONT, &json!({}));
    assert_eq!(faults(none), ["name", "systemId", "environmentId"]);
    for (wrong, field) in [
        (json!({"name": " "}), "name"),
        (json!({"systemId": "shopify"}), "systemId"),
        (json!({"systemId": ids::WAREHOUSE}), "systemId"),
        (json!({"environmentId": ids::STOREFRONT}), "environmentId"),
        (json!({"dynamic": "true"}), "dynamic"),
    ] {
        assert_eq!(faults(create(&mut world, &wrong)), [field]);
    }
    let body = json!({"systemId": ids::SHOPIFY, "name": "shop", "environmentId": ids::STAGING});
    assert_eq!(world.create_template(ids::STRIPE, &body).unwrap_err().status, 404);
    assert_eq!(faults(world.create_template("storefront", &body)), ["project_id"]);
    assert_eq!(world.templates().len(), 1);
}

#[test]
fn an_update_changes_what_it_names() {
    let mut world = world();
    let update = |world: &mut World, body: Value| world.update_template(ids::STOREFRONT, ids::LEGACY_ERP, &body);
    let same = update(&mut world, json!({"systemId": ids::STRIPE, "name": null})).unwrap();
    assert_eq!((&same["id"], &same["name"]), (&json!(ids::NETSUITE), &json!("legacy-erp")));
    assert_eq!(same["authSchemeConfigs"][0]["basicAuth"]["id"], "netsuite-legacy");
    let other = json!({"name": "erp", "dynamic": true, "authSchemeConfigIds": []});
    let other = update(&mut world, other).unwrap();
    assert_eq!((&other["name"], &other["dynamic"]), (&json!("erp"), &json!(true)));
    assert_eq!(other["authSchemeConfigs"], json!([]));
    let wrong = json!({"name": "lost", "authSchemeConfigIds": ["netsuite-legacy", "warehouse-none", 5]});
    assert_eq!(faults(update(&mut world, wrong)), ["authSchemeConfigIds[2]", "authSchemeConfigIds[1]"],);
    assert_eq!(faults(update(&mut world, json!({"name": ""}))), ["name"]);
    assert_eq!(world.templates()[0].name, "erp", "a refused update changes nothing");
}

#[test]
fn the_auth_list_keeps_its_order_and_loses_what_is_deleted() {
    let mut world = world();
    let netsuite = Owner::System(ids::NETSUITE.into());
    let none = json!({"type": "none", "none": {"id": "none", "description": ""}});
    world.put_config(&netsuite, "none", &none).unwrap();
    let order = json!({"authSchemeConfigIds": ["none", "netsuite-legacy"]});
    let answer = world.update_template(ids::STOREFRONT, ids::LEGACY_ERP, &order).unwrap();
    let types = [&answer["authSchemeConfigs"][0]["type"], &answer["authSchemeConfigs"][1]["type"]];
    assert_eq!(types, ["none", "basic-auth"]);
    world.delete_config(&netsuite, "none").unwrap();
    assert_eq!(world.templates()[0].auth_scheme_configs, ["netsuite-legacy"]);
}

#[test]
fn a_template_is_deleted_once_and_only_in_its_project() {
    let mut world = world();
    assert_eq!(world.delete_template(ids::STRIPE, ids::LEGACY_ERP).unwrap_err().status, 404);
    assert_eq!(faults(world.delete_template(ids::STOREFRONT, "legacy-erp")), ["template_id"]);
    world.delete_template(ids::STOREFRONT, ids::LEGACY_ERP).unwrap();
    assert_eq!(world.delete_template(ids::STOREFRONT, ids::LEGACY_ERP).unwrap_err().status, 404);
}

#[test]
fn somebody_else_can_change_a_template() {
    let mut world = world();
    assert!(world.edit_template(ids::LEGACY_ERP, |it| {
        it.dynamic = true;
        it.id = "lost".into();
    }));
    assert!(!world.edit_template("absent", |_| ()));
    assert_eq!((world.templates()[0].dynamic, world.templates()[0].id.as_str()), (true, ids::LEGACY_ERP));
}
