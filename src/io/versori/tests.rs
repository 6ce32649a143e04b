use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::sandbox::{Sandbox, World, ids};

/// A client of a sandbox.
pub(super) fn client(sandbox: &Sandbox, concurrency: usize) -> Client {
    let (organisation, token) = sandbox.world(|world| (world.organisation().to_owned(), world.token().to_owned()));
    let connection = Connection {
        base_url: Url::parse(&sandbox.base_url()).unwrap(),
        organisation,
        credentials: Arc::new(Credentials::fixed(SecretString::from(token), "the test")),
        concurrency,
        requests_per_second: 0,
        timeout: Duration::from_secs(30),
        ca_certificate: None,
    };
    Client::new(connection).unwrap()
}

#[tokio::test]
async fn pages_that_come_in_the_same_bytes_are_not_taken_apart_again() {
    let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), World::seeded()).unwrap();
    let scope = Scope { project: ids::STOREFRONT.to_owned(), environment: ids::PRODUCTION.to_owned() };
    let create = |world: &mut World, n: usize| {
        let name = format!("template-{n:03}");
        let body = json!({"name": name, "systemId": ids::STRIPE, "environmentId": scope.environment});
        world.create_template(&scope.project, &body).unwrap();
    };
    sandbox.world(|world| (0..250).for_each(|n| create(world, n)));
    let reader = Reader::new(client(&sandbox, 4));
    let first = reader.templates(&scope, Some(&[])).await.unwrap();
    let requests = sandbox.requests().len();
    let again = reader.templates(&scope, Some(&first)).await.unwrap();
    assert!(sandbox.requests().len() >= requests + 2, "all is read all the same");
    let page = |template: &LiveTemplate| Arc::clone(template.page.as_ref().unwrap());
    let known = |now: &[LiveTemplate], last: &[LiveTemplate]| {
        now.iter().zip(last).map(|(now, last)| Arc::ptr_eq(&page(now), &page(last))).collect::<Vec<_>>()
    };
    assert_eq!(again.len(), first.len());
    assert_eq!(known(&again, &first), vec![true; first.len()]);
    // One is changed on the last page.
    let last = again.last().unwrap().id.clone();
    sandbox.world(|world| world.edit_template(&last, |template| template.dynamic = !template.dynamic));
    let changed = reader.templates(&scope, Some(&again)).await.unwrap();
    assert_ne!(changed.last().unwrap().dynamic, again.last().unwrap().dynamic);
    assert!(known(&changed, &again)[0]);
    assert!(!known(&changed, &again)[again.len() - 1]);
    let plain = reader.templates(&scope, None).await.unwrap();
    let shown = |list: &[LiveTemplate]| list.iter().map(|it| (it.id.clone(), it.fields())).collect::<Vec<_>>();
    assert_eq!(shown(&changed), shown(&plain));
}

#[tokio::test]
async fn configs_that_come_in_the_same_text_are_not_taken_apart_again() {
    let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), World::seeded()).unwrap();
    let owner = Owner::system(ids::STRIPE);
    sandbox.world(|world| {
        for id in ["one", "two"] {
            let member = json!({"id": id, "description": id});
            let body = json!({"id": id, "type": "none", "none": member});
            world.put_config(&crate::sandbox::Owner::System(ids::STRIPE.to_owned()), id, &body).unwrap();
        }
    });
    let reader = Reader::new(client(&sandbox, 4));
    let mut first = reader.configs(&owner, None).await.unwrap();
    first.iter_mut().for_each(|config| config.raw.let_go());
    sandbox.world(|world| {
        let owner = crate::sandbox::Owner::System(ids::STRIPE.to_owned());
        assert!(world.edit_config(&owner, "two", &json!({"description": "changed"})));
    });
    let again = reader.configs(&owner, Some(&first)).await.unwrap();
    let at = |id: &str| again.iter().position(|config| config.id == id).unwrap();
    assert!(again[at("one")].fields.is_shared_with(&first[at("one")].fields));
    assert_eq!(again[at("one")].raw.members()["none"]["description"], "one", "an update sends back what came");
    assert_eq!(again[at("two")].fields["description"], "changed");
}
