//! Any text is safe to print once it is escaped, and escaping what is safe already changes nothing.

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use versync::report::escape;
use versync_fuzz::{assert_printable, is_printable};

fuzz_target!(|text: &str| {
    let escaped = escape(text);
    assert_printable(&escaped);
    assert!(!escaped.contains('\n'), "a line did not stay one line");
    assert_eq!(escape(&escaped), escaped, "what is safe was changed");
    if let Cow::Borrowed(same) = escaped {
        assert_eq!(same, text);
    }
    // Every character that can be seen is still there, in its place.
    let mut rest = &*escaped;
    for c in text.chars().filter(|c| c.is_alphanumeric() && is_printable(*c)) {
        let at = rest.find(c).unwrap_or_else(|| panic!("{c:?} was lost"));
        rest = &rest[at + c.len_utf8()..];
    }
});
