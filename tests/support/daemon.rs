use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::eventually;

/// A running daemon. Killed when it is dropped.
pub(crate) struct Daemon {
    child: Child,
    out: Lines,
    err: Lines,
    readers: Vec<JoinHandle<()>>,
}

type Lines = Arc<Mutex<Vec<String>>>;

impl Daemon {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, out_reader) = collect(child.stdout.take().unwrap());
        let (err, err_reader) = collect(child.stderr.take().unwrap());
        Self { child, out, err, readers: vec![out_reader, err_reader] }
    }

    /// Everything on stdout so far.
    pub(crate) fn out(&self) -> String {
        self.out.lock().unwrap().join("\n")
    }

    /// Everything on stderr so far.
    pub(crate) fn err(&self) -> String {
        self.err.lock().unwrap().join("\n")
    }

    /// Every log entry so far.
    pub(crate) fn log(&self) -> Vec<Value> {
        let lines = self.err.lock().unwrap();
        let parse = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON in the log: {line}"));
        lines.iter().map(parse).collect()
    }

    /// Log entries whose message begins so.
    pub(crate) fn said(&self, message: &str) -> Vec<Value> {
        let begins = |entry: &Value| entry["message"].as_str().is_some_and(|text| text.starts_with(message));
        self.log().into_iter().filter(begins).collect()
    }

    /// Waits for the first log entry whose message begins so.
    pub(crate) fn await_said(&self, message: &str) -> Value {
        let mut found = None;
        let mut look = || {
            found = self.said(message).into_iter().next();
            found.is_some()
        };
        let deadline = Instant::now() + super::PATIENCE;
        while !look() {
            assert!(Instant::now() < deadline, "waited in vain for {message:?} in {:#?}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
        found.unwrap()
    }

    /// Waits for a text on stdout.
    pub(crate) fn await_out(&self, text: &str) {
        eventually(&format!("{text:?} on stdout"), || self.out().contains(text));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its process number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.read_to_the_end();
    }

    /// Once the process is gone, all that it has said is known.
    fn read_to_the_end(&mut self) {
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
    }

    /// Asks it to stop, and waits: how it ended and how long it took.
    pub(crate) fn stop(&mut self, signal: Signal) -> (Option<i32>, Duration) {
        let began = Instant::now();
        self.signal(signal);
        let status = self.child.wait().unwrap();
        let took = began.elapsed();
        self.read_to_the_end();
        (status.code(), took)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stream: impl Read + Send + 'static) -> (Lines, JoinHandle<()>) {
    let lines = Lines::default();
    let sink = Arc::clone(&lines);
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            sink.lock().unwrap().push(line);
        }
    });
    (lines, reader)
}
