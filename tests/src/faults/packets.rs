//! MQTT 3.1.1 by hand, as little of it as a publisher needs: the tests must see exactly which PUBACK came.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection at QoS 1.
pub struct Link {
    pub stream: TcpStream,
}

impl Link {
    pub fn connect(address: SocketAddr, client: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let length = u8::try_from(12 + client.len()).unwrap();
        let mut packet = vec![0x10, length, 0, 4];
        packet.extend_from_slice(b"MQTT");
        packet.extend_from_slice(&[4, 2, 0, 0, 0, u8::try_from(client.len()).unwrap()]);
        packet.extend_from_slice(client.as_bytes());
        stream.write_all(&packet).unwrap();
        let mut connack = [0; 4];
        stream.read_exact(&mut connack).unwrap();
        assert_eq!(connack, [0x20, 2, 0, 0], "{client} is refused");
        Self { stream }
    }

    /// The id of the next PUBACK; none when the time of the socket passes.
    pub fn puback(&mut self) -> Option<u16> {
        let mut packet = [0; 4];
        self.stream.read_exact(&mut packet).ok()?;
        assert_eq!(packet[..2], [0x40, 2], "not a PUBACK");
        Some(u16::from_be_bytes([packet[2], packet[3]]))
    }
}

/// Appends a PUBLISH at QoS 1.
pub fn publish(out: &mut Vec<u8>, topic: &str, id: u16, payload: &[u8]) {
    out.push(0x32);
    let mut rest = 2 + topic.len() + 2 + payload.len();
    loop {
        let digit = u8::try_from(rest % 128).unwrap();
        rest /= 128;
        out.push(if rest > 0 { digit | 0x80 } else { digit });
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&u16::try_from(topic.len()).unwrap().to_be_bytes());
    out.extend_from_slice(topic.as_bytes());
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(payload);
}
