use std::ops::Range;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::sandbox::{Sandbox, World, ids};

/// A client of a sandbox.
pub(super) fn client(sandbox: &Sandbox, concurrency: usize) -> Client {
    let (organisation, token) = sandbox.world(|world| (world.organisation().to_owned(), world.token().to_owned()));
    client_of(&sandbox.base_url(), &organisation, &token, concurrency)
}

fn client_of(base_url: &str, organisation: &str, token: &str, concurrency: usize) -> Client {
    let connection = Connection {
        base_url: Url::parse(base_url).unwrap(),
        organisation: organisation.to_owned(),
        credentials: Arc::new(Credentials::fixed(SecretString::from(token), "the test")),
        concurrency,
        requests_per_second: 0,
        timeout: Duration::from_secs(30),
        ca_certificate: None,
    };
    Client::new(connection).unwrap()
}

fn production() -> Scope {
    Scope { project: ids::STOREFRONT.to_owned(), environment: ids::PRODUCTION.to_owned() }
}

/// Makes templates with these numbers in [`production`].
fn create(world: &mut World, numbers: Range<usize>) {
    let scope = production();
    for n in numbers {
        let name = format!("template-{n:03}");
        let body = json!({"name": name, "systemId": ids::STRIPE, "environmentId": scope.environment});
        world.create_template(&scope.project, &body).unwrap();
    }
}

fn with_templates(count: usize) -> (Sandbox, Reader) {
    let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), World::seeded()).unwrap();
    sandbox.world(|world| create(world, 0..count));
    let reader = Reader::new(client(&sandbox, 4));
    (sandbox, reader)
}

/// What somebody does to the platform who sees this list.
type Doing<'a> = &'a dyn Fn(&mut World, &[LiveTemplate]);

#[tokio::test]
async fn pages_that_come_in_the_same_bytes_are_not_taken_apart_again() {
    let (scope, (sandbox, reader)) = (production(), with_templates(250));
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
async fn a_list_is_read_as_it_is_now_whatever_its_pages_were() {
    let (scope, (sandbox, reader)) = (production(), with_templates(450));
    let shown = |list: &[LiveTemplate]| list.iter().map(|it| (it.id.clone(), it.fields())).collect::<Vec<_>>();
    let mut last = reader.templates(&scope, None).await.unwrap();
    let remove = |world: &mut World, id: &str| world.delete_template(&scope.project, id).unwrap();
    let id = |list: &[LiveTemplate], at: usize| list[at].id.clone();
    let changes: [Doing<'_>; 5] = [
        &|_, _| {},
        // The last of a page is what its cursor names.
        &|world, list| remove(world, &id(list, 99)),
        &|world, list| [id(list, 0), id(list, 250)].iter().for_each(|id| remove(world, id)),
        &|world, _| create(world, 450..700),
        &|world, list| list[40..].iter().for_each(|template| remove(world, &template.id)),
    ];
    for change in changes {
        sandbox.world(|world| change(world, &last));
        let now = reader.templates(&scope, Some(&last)).await.unwrap();
        assert_eq!(shown(&now), shown(&reader.templates(&scope, None).await.unwrap()));
        last = now;
    }
}

/// A platform that has a list of three pages, and gives none of them before all are asked for.
async fn asked_for_together(listener: TcpListener) -> std::io::Result<()> {
    let (mut asked, next) = (Vec::new(), ["b", "c", ""]);
    while asked.len() < 3 {
        let (mut stream, _) = listener.accept().await?;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await?);
        }
        asked.push((stream, String::from_utf8_lossy(&request).into_owned()));
    }
    for (mut stream, request) in asked {
        let page = ["after=b", "after=c"].iter().position(|after| request.contains(after)).map_or(0, |at| at + 1);
        let item =
            json!({"id": "system", "connectionTemplateId": format!("id-{page}"), "name": format!("name-{page}")});
        let body = json!({"totalCount": 3, "items": [item], "next": next[page]}).to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn pages_that_are_foreseen_are_asked_for_side_by_side() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/api", listener.local_addr().unwrap());
    let reader = Reader::new(client_of(&base_url, "o", "token", 4));
    let scope = Scope { project: "p".to_owned(), environment: "e".to_owned() };
    let template = |n: usize, next: &str| LiveTemplate {
        id: format!("id-{n}"),
        name: format!("name-{n}"),
        system: "system".to_owned(),
        dynamic: false,
        auth_scheme_configs: Vec::new(),
        page: Some(Arc::new(Page { hash: None, count: 1, total: Some(3), next: Some(next.to_owned()) })),
    };
    let last = [template(0, "b"), template(1, "c"), template(2, "")];
    let read = reader.templates(&scope, Some(&last));
    let (now, served) = futures_util::future::join(read, asked_for_together(listener)).await;
    served.unwrap();
    assert_eq!(now.unwrap().iter().map(|it| &*it.id).collect::<Vec<_>>(), ["id-0", "id-1", "id-2"]);
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
