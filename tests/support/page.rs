use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::{Daemon, eventually};

/// What a running daemon serves.
pub(crate) struct Page {
    pub(crate) address: SocketAddr,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Page {
    /// Where the daemon says that it is.
    pub(crate) fn of(daemon: &Daemon) -> Self {
        let said = daemon.await_said("the status page is at");
        Self { address: said["address"].as_str().unwrap().parse().unwrap() }
    }

    /// Its URL in a browser.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Sends a request with this first line and these headers.
    pub(crate) fn send(&self, line: &str, headers: &str) -> Got {
        let mut stream = self.connect();
        write!(stream, "{line} HTTP/1.1\r\n{headers}\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Got::of(&String::from_utf8(bytes).unwrap())
    }

    pub(crate) fn get(&self, path: &str) -> Got {
        self.send(&format!("GET {path}"), &format!("Host: {}\r\n", self.address))
    }

    /// The JSON of `/status`.
    pub(crate) fn status(&self) -> Value {
        let got = self.get("/status");
        assert_eq!((got.status, got.header("content-type")), (200, Some("application/json")), "{got:?}");
        serde_json::from_str(&got.body).unwrap()
    }

    /// Waits until `/status` is so.
    pub(crate) fn await_status(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut status = Value::Null;
        eventually(what, || {
            status = self.status();
            holds(&status)
        });
        status
    }

    /// Waits until the sentence at the top is this one.
    pub(crate) fn await_headline(&self, text: &str) -> Value {
        self.await_status(&format!("the sentence {text:?}"), |status| status["headline"]["text"] == text)
    }

    /// The value of one line of `/metrics`: of the series that is written exactly so.
    pub(crate) fn metric(&self, series: &str) -> Option<String> {
        let text = self.get("/metrics").body;
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')).map(str::to_owned)
    }
}

impl Got {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { status, headers: lines.filter_map(header).collect(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}
