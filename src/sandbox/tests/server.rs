use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::super::{Sandbox, Seen};
use super::*;

fn start(world: World) -> Sandbox {
    Sandbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), world).unwrap()
}

/// One request on a connection of its own. The path is below the base URL.
fn ask(sandbox: &Sandbox, method: &str, path: &str, authorization: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(sandbox.address()).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} /api{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {authorization}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
    (status, body)
}

fn send(sandbox: &Sandbox, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    ask(sandbox, method, path, "Bearer sandbox", &body)
}

fn get(sandbox: &Sandbox, path: &str) -> (u16, Value) {
    send(sandbox, "GET", path, &Value::Null)
}

fn v2(rest: &str) -> String {
    format!("/v2/o/{}{rest}", ids::ORGANISATION)
}

fn connect(rest: &str) -> String {
    format!("/connect/v1/o/{}/connectors/{}{rest}", ids::ORGANISATION, ids::WAREHOUSE)
}

#[test]
fn the_platform_api_end_to_end() {
    let sandbox = start(world());
    assert_eq!(sandbox.base_url(), format!("http://{}/api", sandbox.address()));
    let project = v2(&format!("/projects/{}", ids::STOREFRONT));
    let (status, found) = get(&sandbox, &project);
    assert_eq!((status, &found["environments"][1]["name"]), (200, &json!("staging")));
    assert_eq!(get(&sandbox, &v2("/projects")).1["items"][0]["id"], ids::STOREFRONT);
    let (_, systems) = get(&sandbox, &v2("/systems?search=SHOP"));
    assert_eq!((&systems["totalCount"], &systems["items"][0]["id"]), (&json!(1), &json!(ids::SHOPIFY)));

    let config = v2(&format!("/systems/{}/auth-scheme-configs/key", ids::SHOPIFY));
    let body = json!({"type": "api-key", "apiKey": {"id": "key", "description": "", "name": "k", "in": "query"}});
    for _ in 0..2 {
        let (status, answer) = send(&sandbox, "PUT", &config, &body);
        assert_eq!((status, &answer["apiKey"]), (201, &body["apiKey"]));
    }
    let (_, system) = get(&sandbox, &v2(&format!("/systems/{}", ids::SHOPIFY)));
    assert_eq!(system["authSchemeConfigs"][0]["type"], "api-key");

    let templates = format!("{project}/connection-templates");
    let body = json!({"systemId": ids::SHOPIFY, "name": "shop", "environmentId": ids::PRODUCTION});
    let (status, made) = send(&sandbox, "POST", &templates, &body);
    assert_eq!(status, 200);
    let template = format!("{templates}/{}", made["connectionTemplateId"].as_str().unwrap());
    let (status, answer) = send(&sandbox, "PUT", &template, &json!({"authSchemeConfigIds": ["key"]}));
    assert_eq!((status, &answer["authSchemeConfigs"][0]["id"]), (200, &json!("key")));
    let listed = get(&sandbox, &format!("{templates}?env_id={}", ids::PRODUCTION));
    assert_eq!(listed, (200, json!({"totalCount": 1, "items": [answer]})));
    assert_eq!(get(&sandbox, &templates).1["fields"][0]["field"], "env_id");
    assert_eq!(get(&sandbox, &format!("{templates}?env_id={}", ids::STRIPE)).0, 404);
    assert_eq!(send(&sandbox, "DELETE", &template, &Value::Null), (204, Value::Null));
    assert_eq!(send(&sandbox, "DELETE", &template, &Value::Null).0, 404);
    assert_eq!(send(&sandbox, "DELETE", &config, &Value::Null), (204, Value::Null));
}

#[test]
fn the_connect_api_answers_the_whole_connector() {
    let sandbox = start(world());
    let (status, connector) = get(&sandbox, &connect(""));
    assert_eq!((status, &connector["connections"], &connector["versions"]), (200, &json!([]), &json!([])));
    let body = json!({"id": "a b/c", "description": "", "schemeType": "basic-auth"});
    let path = connect("/auth-scheme-configs/a%20b%2Fc");
    let (status, connector) = send(&sandbox, "PUT", &path, &body);
    assert_eq!((status, &connector["id"]), (200, &json!(ids::WAREHOUSE)));
    assert_eq!(connector["authSchemeConfigs"][1], body);
    let (status, connector) = send(&sandbox, "DELETE", &path, &Value::Null);
    assert_eq!((status, connector["authSchemeConfigs"].as_array().unwrap().len()), (200, 1));
    let elsewhere = format!("/connect/v1/o/{}/connectors/{}", ids::ORGANISATION, ids::STRIPE);
    assert_eq!(get(&sandbox, &elsewhere).0, 404);
}

#[test]
fn only_the_token_opens_only_its_organisation() {
    let sandbox = start(world());
    let path = v2("/projects");
    for good in ["Bearer sandbox", "JWT sandbox"] {
        assert_eq!(ask(&sandbox, "GET", &path, good, "").0, 200);
    }
    for bad in ["", "sandbox", "Basic sandbox", "Bearer other", "Bearer", "Bearer "] {
        let (status, body) = ask(&sandbox, "GET", &path, bad, "");
        assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")), "{bad}");
    }
    assert_eq!(get(&sandbox, &format!("/v2/o/{}/projects", ids::STRIPE)).0, 403);
    let (status, body) = get(&sandbox, "/v2/o/acme/projects");
    assert_eq!((status, &body["fields"][0]["field"]), (400, &json!("organisation_id")));
}

#[test]
fn every_refusal_has_the_error_body() {
    let sandbox = start(world());
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    let templates = v2(&format!("/projects/{}/connection-templates", ids::STOREFRONT));
    for (method, path, body, status) in [
        ("GET", "/nowhere".to_owned(), "", 404),
        ("GET", v2("/projects/"), "", 404),
        ("PATCH", v2("/projects"), "", 405),
        ("DELETE", v2("/systems"), "", 405),
        ("GET", v2("/projects/%FF"), "", 400),
        ("GET", v2("/projects?after=x"), "", 400),
        ("POST", templates.clone(), "{", 400),
        ("POST", templates.clone(), "", 400),
        ("POST", templates.clone(), "[]", 400),
        ("POST", templates, large.as_str(), 413),
        ("PUT", connect("/auth-scheme-configs/x"), large.as_str(), 413),
    ] {
        let (answered, answer) = ask(&sandbox, method, &path, "Bearer sandbox", body);
        assert_eq!(answered, status, "{method} {path}");
        assert!(answer["code"].is_string() && answer["message"].is_string(), "{answer}");
    }
}

#[test]
fn pages_of_a_list_that_is_longer_than_one() {
    let sandbox = start(world());
    let templates = v2(&format!("/projects/{}/connection-templates", ids::STOREFRONT));
    sandbox.world(|world| {
        for number in 0..45 {
            let body = json!({"systemId": ids::STRIPE, "name": format!("t{number}"), "environmentId": ids::PRODUCTION});
            world.create_template(ids::STOREFRONT, &body).unwrap();
        }
    });
    let (mut names, mut sizes, mut after) = (Vec::new(), Vec::new(), String::new());
    loop {
        let path = format!("{templates}?env_id={}{after}", ids::PRODUCTION);
        let (status, page) = get(&sandbox, &path);
        assert_eq!((status, &page["totalCount"]), (200, &json!(45)));
        let items = page["items"].as_array().unwrap();
        sizes.push(items.len());
        names.extend(items.iter().map(|it| it["name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(sizes, [20, 20, 5]);
    assert_eq!(names, (0..45).map(|number| format!("t{number}")).collect::<Vec<_>>());
    // A cursor is good for its own list only.
    assert_eq!(get(&sandbox, &format!("{templates}?env_id={}{after}", ids::STAGING)).0, 400);
}

#[test]
fn requests_are_written_down_and_the_world_can_be_changed_behind_them() {
    let sandbox = start(world());
    let path = connect("/auth-scheme-configs/c");
    let body = json!({"id": "c", "description": "", "schemeType": "none"});
    send(&sandbox, "PUT", &path, &body);
    get(&sandbox, "/nowhere?x=1");
    let seen = |method: &str, path: &str, status, body| Seen {
        method: method.to_owned(),
        path: format!("/api{path}"),
        status,
        body,
    };
    let expected = [seen("PUT", &path, 200, Some(body)), seen("GET", "/nowhere?x=1", 404, None)];
    assert_eq!(sandbox.requests(), expected);
    sandbox.world(|world| world.delete_config(&warehouse(), "c")).unwrap();
    let left = get(&sandbox, &connect("")).1;
    assert_eq!(left["authSchemeConfigs"].as_array().unwrap().len(), 1);
}

#[test]
fn a_panic_while_looking_does_not_take_the_server_down() {
    let sandbox = start(world());
    let look = std::panic::AssertUnwindSafe(|| sandbox.world(|_| panic!("on purpose")));
    assert!(std::panic::catch_unwind(look).is_err());
    assert_eq!(get(&sandbox, &connect("")).0, 200);
}

#[test]
fn an_unfinished_request_does_not_keep_it_from_stopping() {
    let sandbox = start(world());
    let mut stuck = TcpStream::connect(sandbox.address()).unwrap();
    stuck.write_all(b"POST /api/ HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n1").unwrap();
    // This one has been answered, so the server has had the time to take the other one up.
    assert_eq!(get(&sandbox, &connect("")).0, 200);
    drop(sandbox);
    let mut answer = Vec::new();
    let _ = stuck.read_to_end(&mut answer);
    assert!(answer.is_empty(), "it was let go of without an answer");
}

#[test]
fn an_answer_that_is_far_away_does_not_keep_it_from_stopping() {
    let sandbox = start(world());
    sandbox.set_latency(Duration::from_secs(3600));
    let mut far = TcpStream::connect(sandbox.address()).unwrap();
    far.write_all(b"GET /api/ HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    // What is no HTTP is refused at once, and the other one was taken up before.
    let mut refused = TcpStream::connect(sandbox.address()).unwrap();
    refused.write_all(b"nonsense\r\n\r\n").unwrap();
    assert!(refused.read(&mut [0; 1]).is_ok());
    let (tell, stopped) = mpsc::channel();
    thread::spawn(move || {
        drop(sandbox);
        tell.send(())
    });
    stopped.recv_timeout(Duration::from_secs(60)).expect("it waits for the answer");
}

#[test]
fn a_taken_address_is_refused() {
    let sandbox = start(world());
    let Err(error) = Sandbox::start(sandbox.address(), world()) else { panic!("two on one address") };
    assert_eq!(error.to_string(), format!("the sandbox cannot listen on {}", sandbox.address()));
}
