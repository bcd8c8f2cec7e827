//! Packets, byte by byte.

pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut rest = body.len();
    loop {
        let byte = (rest & 0x7f) as u8;
        rest >>= 7;
        out.push(if rest > 0 { byte | 0x80 } else { byte });
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}

/// Last will: topic, payload, QoS, MQTT 5 properties.
pub(crate) type TestWill<'a> = (&'a str, &'a str, u8, &'a [u8]);

pub(crate) fn connect(
    level: u8,
    id: &str,
    clean: bool,
    keep_alive: u16,
    properties: &[u8],
    will: Option<TestWill<'_>>,
) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, "MQTT");
    let will_flags = will.map_or(0, |(_, _, qos, _)| 0x04 | qos << 3);
    body.extend_from_slice(&[level, u8::from(clean) << 1 | will_flags]);
    body.extend_from_slice(&keep_alive.to_be_bytes());
    if level == 5 {
        body.push(properties.len() as u8);
        body.extend_from_slice(properties);
    }
    text(&mut body, id);
    if let Some((topic, payload, _, properties)) = will {
        if level == 5 {
            body.push(properties.len() as u8);
            body.extend_from_slice(properties);
        }
        text(&mut body, topic);
        text(&mut body, payload);
    }
    packet(0x10, &body)
}

pub(crate) fn connect_v3(id: &str, clean: bool, keep_alive: u16) -> Vec<u8> {
    connect(4, id, clean, keep_alive, &[], None)
}

pub(crate) fn connect_v5(id: &str, clean: bool, keep_alive: u16, properties: &[u8]) -> Vec<u8> {
    connect(5, id, clean, keep_alive, properties, None)
}

/// Session Expiry Interval.
pub(crate) fn expiry(seconds: u32) -> Vec<u8> {
    let mut property = vec![0x11];
    property.extend_from_slice(&seconds.to_be_bytes());
    property
}

pub(crate) fn publish_v3(topic: &str, payload: impl AsRef<[u8]>, qos: u8, id: u16) -> Vec<u8> {
    publish(topic, payload.as_ref(), qos, id, None)
}

pub(crate) fn publish_v5(topic: &str, payload: impl AsRef<[u8]>, qos: u8, id: u16) -> Vec<u8> {
    publish(topic, payload.as_ref(), qos, id, Some(&[]))
}

pub(crate) fn publish(
    topic: &str,
    payload: &[u8],
    qos: u8,
    id: u16,
    properties: Option<&[u8]>,
) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, topic);
    if qos > 0 {
        body.extend_from_slice(&id.to_be_bytes());
    }
    if let Some(properties) = properties {
        body.push(properties.len() as u8);
        body.extend_from_slice(properties);
    }
    body.extend_from_slice(payload);
    packet(0x30 | qos << 1, &body)
}

pub(crate) fn puback(id: u16) -> [u8; 4] {
    ack(0x40, id)
}

pub(crate) fn pubrec(id: u16) -> [u8; 4] {
    ack(0x50, id)
}

pub(crate) fn pubrel(id: u16) -> [u8; 4] {
    ack(0x62, id)
}

pub(crate) fn pubcomp(id: u16) -> [u8; 4] {
    ack(0x70, id)
}

fn ack(first: u8, id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [first, 2, high, low]
}
