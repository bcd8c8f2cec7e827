//! Taking out a message that ends every connection: too large for `packet_bytes_max`, a topic that is not UTF-8,
//! properties that cannot be decoded. The library gives up on such a packet, and the broker sends it again as
//! the first thing on the next connection, for ever, with all that is behind it held back.
//!
//! So a connection of our own to the same session reads what the broker sends again, in pieces: memory is bound
//! whatever the message's size. Of a message that the library would refuse the journal gets a record (a large
//! payload by length, hash and first bytes), and when that is durable the message is acknowledged. All others are
//! passed over, not acknowledged, and come again on the next ordinary connection.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use journal::inputs::{MessageBody, MessagePrefix, Oversize};
use rumqttc::v5::mqttbytes::v5 as mqtt5;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::codec::{PAYLOAD_HEAD_BYTES, Protocol, encode};

use super::Shared;
use super::fault::{Cause, Fault};
use super::intake;

/// Nothing for this long: the broker has sent again what it had.
const IDLE: Duration = Duration::from_secs(5);
/// A rescue takes no longer, whatever comes.
const LIMIT: Duration = Duration::from_secs(300);
/// More messages than there are packet ids are not sent again.
const MESSAGES_MAX: u32 = 65_536;
/// Properties and packets that are no messages are smaller than this.
const SMALL_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a topic in what people read.
const TOPIC_SHOWN_MAX: usize = 200;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Wire = BufReader<Box<dyn Stream>>;

/// Takes out what can be found; says what it was, in words.
pub(super) async fn run(
    shared: &Shared,
    client_id: &str,
    prefix: &MessagePrefix,
) -> Result<Vec<String>, Fault> {
    let mut rescue = Rescue {
        shared,
        prefix,
        wire: connect(shared, client_id).await?,
        taken: Vec::new(),
    };
    let scanned = timeout(LIMIT, rescue.scan()).await;
    let taken = std::mem::take(&mut rescue.taken);
    match scanned {
        // What was taken is taken, however it ended.
        Ok(Err(fault)) if taken.is_empty() => Err(fault),
        Ok(_) | Err(_) => {
            // A courtesy: DISCONNECT.
            _ = timeout(Duration::from_secs(1), rescue.send(&[0xE0, 0])).await;
            Ok(taken)
        }
    }
}

struct Rescue<'a> {
    shared: &'a Shared,
    prefix: &'a MessagePrefix,
    wire: Wire,
    taken: Vec<String>,
}

/// A message up to its payload.
struct Head {
    dup: bool,
    retain: bool,
    qos: u8,
    packet_id: u16,
    topic: Vec<u8>,
    properties: Bytes,
    /// Bytes of the whole packet.
    total: usize,
    payload: usize,
}

impl Rescue<'_> {
    async fn scan(&mut self) -> Result<(), Fault> {
        for _ in 0..MESSAGES_MAX {
            let Ok(first) = timeout(IDLE, self.wire.read_u8()).await else {
                return Ok(());
            };
            let first = first?;
            let remaining = self.length().await?;
            if first >> 4 != 3 {
                self.pass_over(remaining).await?;
                continue;
            }
            let head = self.head(first, remaining).await?;
            if self.is_poison(&head) && head.qos == 1 {
                self.take(&head).await?;
                continue;
            }
            self.pass_over(head.payload).await?;
            if !head.dup && !self.taken.is_empty() {
                // New ones: what is sent again is over.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether the library would refuse it.
    fn is_poison(&self, head: &Head) -> bool {
        head.total > self.shared.dial.config.packet_bytes_max as usize
            || std::str::from_utf8(&head.topic).is_err()
            || !properties_decode(head.properties.clone())
    }

    async fn take(&mut self, head: &Head) -> Result<(), Fault> {
        let config = &self.shared.dial.config;
        let whole = head.payload <= config.payload_bytes_max as usize;
        let keep = if whole {
            head.payload
        } else {
            PAYLOAD_HEAD_BYTES
        };
        let (payload, sha256) = self.payload(head.payload, keep).await?;
        let topic = String::from_utf8_lossy(&head.topic);
        let decodable = properties_decode(head.properties.clone());
        let body = MessageBody {
            packet_id: head.packet_id,
            qos: head.qos,
            dup: head.dup,
            retain: head.retain,
            will: false,
            oversize: (!whole).then_some(Oversize {
                length: head.payload as u64,
                sha256,
            }),
            properties: if decodable { &head.properties } else { &[] },
            topic: &topic,
            payload: &payload,
        };
        let (class, batch) = intake::lone(self.shared, self.prefix, &body);
        let storing = async { self.shared.inputs.append(class, batch).await?.await };
        match timeout(config.write_timeout(), storing).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(unstored(&error)),
            Err(_) => return Err(unstored(&"it has no room")),
        }
        if !whole {
            self.shared.meter.oversize_recorded();
        }
        let mut answer = Vec::new();
        encode::puback_ok(&mut answer, head.packet_id);
        self.send(&answer).await?;
        let shown: String = topic.chars().take(TOPIC_SHOWN_MAX).collect();
        self.taken
            .push(format!("topic {shown:?}, {} bytes", head.payload));
        Ok(())
    }

    /// Reads a payload through: its first bytes and its hash.
    async fn payload(&mut self, bytes: usize, keep: usize) -> Result<(Vec<u8>, [u8; 32]), Fault> {
        let mut kept = Vec::with_capacity(keep);
        let mut hash = Sha256::new();
        let mut left = bytes;
        let mut piece = vec![0; 64 * 1024];
        while left > 0 {
            let want = piece.len().min(left);
            let read = read(&mut self.wire, &mut piece[..want]).await?;
            let new = &piece[..read];
            hash.update(new);
            kept.extend_from_slice(&new[..new.len().min(keep - kept.len())]);
            left -= read;
        }
        Ok((kept, hash.finalize().into()))
    }

    async fn head(&mut self, first: u8, remaining: usize) -> Result<Head, Fault> {
        let v5 = self.shared.dial.config.protocol.protocol() == Protocol::V5;
        let qos = (first >> 1) & 0b11;
        let mut left = remaining;
        let topic_bytes = usize::from(self.number(&mut left).await?);
        let topic = self.bytes(topic_bytes, &mut left).await?;
        let packet_id = if qos > 0 {
            self.number(&mut left).await?
        } else {
            0
        };
        let mut properties = Vec::new();
        if v5 {
            let length = self.length().await?;
            left = left
                .checked_sub(varint_bytes(length))
                .ok_or_else(malformed)?;
            properties = self.bytes(length, &mut left).await?;
        }
        Ok(Head {
            dup: first & 0b1000 != 0,
            retain: first & 1 != 0,
            qos,
            packet_id,
            topic,
            properties: properties.into(),
            total: 1 + varint_bytes(remaining) + remaining,
            payload: left,
        })
    }

    async fn number(&mut self, left: &mut usize) -> Result<u16, Fault> {
        *left = left.checked_sub(2).ok_or_else(malformed)?;
        Ok(patiently(self.wire.read_u16()).await?)
    }

    async fn bytes(&mut self, length: usize, left: &mut usize) -> Result<Vec<u8>, Fault> {
        *left = left.checked_sub(length).ok_or_else(malformed)?;
        if length > SMALL_BYTES_MAX {
            return Err(malformed());
        }
        let mut bytes = vec![0; length];
        patiently(self.wire.read_exact(&mut bytes)).await?;
        Ok(bytes)
    }

    /// A length of up to four bytes, seven bits each.
    async fn length(&mut self) -> Result<usize, Fault> {
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = patiently(self.wire.read_u8()).await?;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(length);
            }
        }
        Err(malformed())
    }

    async fn pass_over(&mut self, bytes: usize) -> Result<(), Fault> {
        self.payload(bytes, 0).await.map(drop)
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        patiently(self.wire.write_all(bytes)).await?;
        patiently(self.wire.flush()).await?;
        Ok(())
    }
}

/// To CONNACK, with the session that the broker has of us.
async fn connect(shared: &Shared, client_id: &str) -> Result<Wire, Fault> {
    let dial = &shared.dial;
    let connecting = async {
        let address = dial.address.to_string();
        let tcp = TcpStream::connect(&address).await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &dial.tls {
            None => Box::new(tcp),
            Some(tls) => {
                let name = ServerName::try_from(dial.address.host.clone())
                    .map_err(|error| Fault::tls(&error))?;
                let connector = TlsConnector::from(tls.clone());
                Box::new(connector.connect(name, tcp).await?)
            }
        };
        let mut wire = BufReader::with_capacity(64 * 1024, stream);
        wire.write_all(&hello(shared, client_id)?).await?;
        wire.flush().await?;
        let mut answer = [0; 2];
        wire.read_exact(&mut answer).await?;
        // CONNACK is short: its length has one byte.
        let mut rest = vec![0; usize::from(answer[1] & 0x7F)];
        wire.read_exact(&mut rest).await?;
        match (answer[0], rest.get(1)) {
            (0x20, Some(0)) => Ok(wire),
            (0x20, Some(code)) => Err(Fault::new(
                Cause::Refused,
                format!("the broker refused us (code {code})"),
            )),
            _ => Err(malformed()),
        }
    };
    timeout(dial.config.connect_timeout(), connecting)
        .await
        .unwrap_or_else(|_| Err(Fault::connect_timeout()))
}

/// CONNECT.
fn hello(shared: &Shared, client_id: &str) -> Result<BytesMut, Fault> {
    let config = &shared.dial.config;
    let login = (!config.user.is_empty())
        .then(|| (config.user.clone(), config.password.reveal().to_owned()));
    let mut out = BytesMut::new();
    match config.protocol.protocol() {
        Protocol::V3 => {
            let mut connect = rumqttc::Connect::new(client_id);
            connect.clean_session = false;
            connect.keep_alive = config.keep_alive_seconds;
            connect.login = login.map(|(user, password)| rumqttc::Login::new(user, password));
            connect.write(&mut out)?;
        }
        Protocol::V5 => {
            let mut properties = mqtt5::ConnectProperties::new();
            properties.session_expiry_interval = Some(config.session_expiry_seconds);
            properties.receive_maximum = Some(config.receive_maximum);
            let connect = mqtt5::Connect {
                keep_alive: config.keep_alive_seconds,
                client_id: client_id.to_owned(),
                clean_start: false,
                properties: Some(properties),
            };
            let login = login.map(|(username, password)| mqtt5::Login { username, password });
            connect
                .write(&None, &login, &mut out)
                .map_err(|error| Fault::new(Cause::Protocol, error.to_string()))?;
        }
    }
    Ok(out)
}

fn properties_decode(properties: Bytes) -> bool {
    let mut wire = BytesMut::new();
    let mut length = properties.len();
    // With their length in front, as the library wants them.
    loop {
        let more = length > 0x7F;
        wire.extend_from_slice(&[(length & 0x7F) as u8 | if more { 0x80 } else { 0 }]);
        length >>= 7;
        if !more {
            break;
        }
    }
    wire.extend_from_slice(&properties);
    mqtt5::PublishProperties::read(&mut wire.freeze()).is_ok()
}

fn varint_bytes(length: usize) -> usize {
    match length {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

/// Within a packet the broker may not rest for long.
async fn patiently<T>(reading: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(IDLE, reading)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn read(wire: &mut Wire, piece: &mut [u8]) -> io::Result<usize> {
    match patiently(wire.read(piece)).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => Ok(read),
    }
}

fn malformed() -> Fault {
    Fault::new(Cause::Malformed, "a packet cannot be taken apart")
}

fn unstored(why: &dyn std::fmt::Display) -> Fault {
    Fault::new(
        Cause::Protocol,
        format!("the journal does not take it ({why})"),
    )
}
