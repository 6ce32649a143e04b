use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::eventually;

const ROWS: u16 = 60;

/// A command on a terminal of its own.
pub(crate) struct Pty {
    child: Child,
    keyboard: File,
    shown: Arc<Mutex<vt100::Parser>>,
    /// Everything that was ever written to it.
    written: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Pty {
    /// Starts a command on a terminal that is so wide.
    pub(crate) fn start(command: Command, columns: u16) -> Self {
        Self::start_with(command, ROWS, columns)
    }

    /// The same on a terminal that says that it has so many rows.
    pub(crate) fn start_with(mut command: Command, rows: u16, columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let open = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
        let child = command.stdin(open()).stdout(open()).stderr(open()).env("TERM", "xterm").spawn().unwrap();
        // The command keeps its ends of the terminal open; when they are closed, reading ends.
        drop(command);
        let master: OwnedFd = master;
        let keyboard = File::from(master.try_clone().unwrap());
        let shown = Arc::new(Mutex::new(vt100::Parser::new(ROWS.try_into().unwrap(), columns.try_into().unwrap(), 0)));
        let written = Arc::new(Mutex::new(String::new()));
        let (screen, all) = (Arc::clone(&shown), Arc::clone(&written));
        let reader = std::thread::spawn(move || {
            let (mut master, mut buffer) = (File::from(master), [0; 4096]);
            while let Ok(count @ 1..) = master.read(&mut buffer) {
                screen.lock().unwrap().process(&buffer[..count]);
                all.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        Self { child, keyboard, shown, written, reader }
    }

    /// What can be read on it now.
    pub(crate) fn screen(&self) -> String {
        self.shown.lock().unwrap().screen().contents()
    }

    /// Everything that was ever written to it.
    pub(crate) fn written(&self) -> Arc<Mutex<String>> {
        Arc::clone(&self.written)
    }

    /// Waits until this can be read on it.
    pub(crate) fn await_text(&self, text: &str) {
        eventually(text, || self.screen().contains(text));
    }

    /// Types a line, once this can be read.
    pub(crate) fn answer(&mut self, question: &str, line: &str) {
        self.await_text(question);
        writeln!(self.keyboard, "{line}").unwrap();
    }

    /// Asks it to stop, and waits for the end.
    pub(crate) fn stop(self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.end()
    }

    /// Waits for the end: its exit code, and what can be read then.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let shown = Arc::clone(&self.shown);
        self.reader.join().unwrap();
        let text = shown.lock().unwrap().screen().contents();
        (code, text)
    }
}
