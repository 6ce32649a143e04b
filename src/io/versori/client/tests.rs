use secrecy::SecretString;

use super::*;
use crate::sandbox::{Sandbox, World};

#[tokio::test(start_paused = true)]
async fn requests_begin_no_more_often_than_the_settings_let_them() {
    let connection = Connection {
        base_url: Url::parse("http://localhost/api").unwrap(),
        organisation: String::new(),
        credentials: Arc::new(Credentials::fixed(SecretString::from("x"), "the test")),
        concurrency: 16,
        requests_per_second: 4,
        timeout: Duration::from_secs(30),
        ca_certificate: None,
    };
    let client = Client::new(connection).unwrap();
    let began = Instant::now();
    futures_util::future::join_all((0..9).map(|_| client.wait_for_turn())).await;
    assert_eq!(began.elapsed().as_millis(), 2000, "the first goes at once, the others a quarter of a second apart");
}

thread_local! {
    static EVENTS: std::cell::RefCell<Vec<&'static str>> = const { std::cell::RefCell::new(Vec::new()) };
}

fn note(event: &'static str) {
    EVENTS.with_borrow_mut(|events| events.push(event));
}

/// Tells when an answer is read.
struct Noted;

impl<'de> serde::Deserialize<'de> for Noted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        note("read");
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

#[tokio::test]
async fn who_waits_for_a_turn_gets_it_before_the_answer_is_read() {
    let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), World::seeded()).unwrap();
    let client = crate::io::versori::tests::client(&sandbox, 1);
    let request = crate::io::versori::platform::list_projects(None);
    let next = async {
        let _turn = client.turn(&request).await.unwrap();
        note("turn");
    };
    let (answer, ()) = futures_util::future::join(client.send_and_read_later::<Noted>(&request), next).await;
    assert!(answer.is_ok());
    assert_eq!(EVENTS.take(), ["turn", "read"]);
}
