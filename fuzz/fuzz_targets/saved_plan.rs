//! A saved plan is read whole or not at all, however its JSON is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use versync::model::saved::SavedPlan;

fuzz_target!(|text: &[u8]| {
    let Ok(json) = serde_json::from_slice::<Value>(text) else { return };
    let read = SavedPlan::read(&json);
    assert!(read.is_none() || json["format_version"] == "1", "a plan of another format was taken");
    let Some(read) = read else { return };

    // What it does not know changes nothing, and neither do changes that are none.
    let mut more = json.clone();
    more["novel"] = Value::from(1);
    assert_eq!(SavedPlan::read(&more).as_ref(), Some(&read));
    let mut fewer = json.clone();
    if let Some(changes) = fewer["changes"].as_array_mut() {
        changes.retain(|change| change["action"] != "none");
        assert_eq!(SavedPlan::read(&fewer).as_ref(), Some(&read));
    }

    // One change that cannot be read spoils the whole plan.
    let mut broken = json;
    if let Some(changes) = broken["changes"].as_array_mut() {
        changes.push(Value::Null);
        assert_eq!(SavedPlan::read(&broken), None);
    }
});
