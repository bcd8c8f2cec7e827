use super::*;
use crate::format::mangle;

#[test]
fn topics() {
    let what = |topic: &str| match take(topic) {
        Some((prefix, Topic::Status { component })) => format!("{prefix} status {component}"),
        Some((prefix, Topic::Notification)) => format!("{prefix} notification"),
        Some((prefix, Topic::Online)) => format!("{prefix} online"),
        None => String::new(),
    };
    assert_eq!(what("plug/status/switch:0"), "plug status switch:0");
    assert_eq!(
        what("hall/left/plug/status/em:0"),
        "hall/left/plug status em:0"
    );
    assert_eq!(what("plug/events/rpc"), "plug notification");
    assert_eq!(what("hall/plug/online"), "hall/plug online");
    for other in [
        "plug/rpc",
        "plug/command/switch:0",
        "/online",
        "online",
        "/status/em:0",
        "status/em:0",
        "plug/status/",
    ] {
        assert_eq!(what(other), "", "{other}");
    }
}

#[test]
fn damaged_payloads() {
    let payload = br#"{"src":"shellypro3em-1","dst":"x/events","method":"NotifyStatus","params":{"ts":1795316400.25,"em:0":{"id":0,"a_voltage":230.5,"a_act_power":-12.5,"a_errors":["out_of_range:voltage"],"n_current":null}}}"#;
    mangle::survives("shellypro3em-1/events/rpc", payload);
}
