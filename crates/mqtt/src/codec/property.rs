//! MQTT 5 properties: which may stand where, how often, with which values.

use super::reader::Reader;
use super::{DiscouragedText, Limits, Malformed, Reason, text};

const PAYLOAD_FORMAT_INDICATOR: u8 = 0x01;
const MESSAGE_EXPIRY_INTERVAL: u8 = 0x02;
const CONTENT_TYPE: u8 = 0x03;
const RESPONSE_TOPIC: u8 = 0x08;
const CORRELATION_DATA: u8 = 0x09;
const SUBSCRIPTION_IDENTIFIER: u8 = 0x0B;
pub(super) const SESSION_EXPIRY_INTERVAL: u8 = 0x11;
pub(super) const ASSIGNED_CLIENT_IDENTIFIER: u8 = 0x12;
pub(super) const SERVER_KEEP_ALIVE: u8 = 0x13;
const AUTHENTICATION_METHOD: u8 = 0x15;
const AUTHENTICATION_DATA: u8 = 0x16;
const REQUEST_PROBLEM_INFORMATION: u8 = 0x17;
const WILL_DELAY_INTERVAL: u8 = 0x18;
const REQUEST_RESPONSE_INFORMATION: u8 = 0x19;
const RESPONSE_INFORMATION: u8 = 0x1A;
const SERVER_REFERENCE: u8 = 0x1C;
pub(super) const REASON_STRING: u8 = 0x1F;
pub(super) const RECEIVE_MAXIMUM: u8 = 0x21;
pub(super) const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
const TOPIC_ALIAS: u8 = 0x23;
pub(super) const MAXIMUM_QOS: u8 = 0x24;
pub(super) const RETAIN_AVAILABLE: u8 = 0x25;
const USER_PROPERTY: u8 = 0x26;
pub(super) const MAXIMUM_PACKET_SIZE: u8 = 0x27;
pub(super) const WILDCARD_SUBSCRIPTION_AVAILABLE: u8 = 0x28;
pub(super) const SUBSCRIPTION_IDENTIFIER_AVAILABLE: u8 = 0x29;
pub(super) const SHARED_SUBSCRIPTION_AVAILABLE: u8 = 0x2A;

/// A property that a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property<'a> {
    /// The payload is UTF-8 text.
    PayloadFormatIndicator(bool),
    /// Lifetime of the message, seconds.
    MessageExpiryInterval(u32),
    /// What the payload is, in the application's words.
    ContentType(&'a str),
    /// Topic name for an answer.
    ResponseTopic(&'a str),
    /// To match the answer with.
    CorrelationData(&'a [u8]),
    /// 1 to 268,435,455.
    SubscriptionIdentifier(u32),
    /// Seconds; `u32::MAX` = never.
    SessionExpiryInterval(u32),
    /// Name of the extended authentication.
    AuthenticationMethod(&'a str),
    /// Its data.
    AuthenticationData(&'a [u8]),
    /// Reason strings welcome.
    RequestProblemInformation(bool),
    /// Seconds.
    WillDelayInterval(u32),
    /// Response information welcome.
    RequestResponseInformation(bool),
    /// For a person.
    ReasonString(&'a str),
    /// Never 0.
    ReceiveMaximum(u16),
    /// May be 0.
    TopicAliasMaximum(u16),
    /// Never 0.
    TopicAlias(u16),
    /// Name and value; the only one that may come more than once.
    UserProperty(&'a str, &'a str),
    /// Never 0.
    MaximumPacketSize(u32),
}

/// Where properties stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Connect,
    Will,
    Publish,
    Ack,
    Subscribe,
    Unsubscribe,
    Disconnect,
    Auth,
}

const fn set(ids: &[u8]) -> u64 {
    let mut set = 0;
    let mut index = 0;
    while index < ids.len() {
        set |= 1 << ids[index];
        index += 1;
    }
    set
}

/// Of a message, in PUBLISH and in a will.
const MESSAGE: u64 = set(&[
    PAYLOAD_FORMAT_INDICATOR,
    MESSAGE_EXPIRY_INTERVAL,
    CONTENT_TYPE,
    RESPONSE_TOPIC,
    CORRELATION_DATA,
    USER_PROPERTY,
]);

const CONNECT: u64 = set(&[
    SESSION_EXPIRY_INTERVAL,
    AUTHENTICATION_METHOD,
    AUTHENTICATION_DATA,
    REQUEST_PROBLEM_INFORMATION,
    REQUEST_RESPONSE_INFORMATION,
    RECEIVE_MAXIMUM,
    TOPIC_ALIAS_MAXIMUM,
    USER_PROPERTY,
    MAXIMUM_PACKET_SIZE,
]);

const AUTH: u64 = set(&[
    AUTHENTICATION_METHOD,
    AUTHENTICATION_DATA,
    REASON_STRING,
    USER_PROPERTY,
]);

/// Those that only a server sends: known, and never welcome.
const SERVER: u64 = set(&[
    ASSIGNED_CLIENT_IDENTIFIER,
    SERVER_KEEP_ALIVE,
    RESPONSE_INFORMATION,
    SERVER_REFERENCE,
    MAXIMUM_QOS,
    RETAIN_AVAILABLE,
    WILDCARD_SUBSCRIPTION_AVAILABLE,
    SUBSCRIPTION_IDENTIFIER_AVAILABLE,
    SHARED_SUBSCRIPTION_AVAILABLE,
]);

/// Every identifier that the standard defines.
const KNOWN: u64 = MESSAGE
    | CONNECT
    | AUTH
    | SERVER
    | set(&[SUBSCRIPTION_IDENTIFIER, WILL_DELAY_INTERVAL, TOPIC_ALIAS]);

impl Place {
    fn allowed(self) -> u64 {
        match self {
            Place::Connect => CONNECT,
            Place::Will => MESSAGE | set(&[WILL_DELAY_INTERVAL]),
            Place::Publish => MESSAGE | set(&[TOPIC_ALIAS]),
            Place::Ack => set(&[REASON_STRING, USER_PROPERTY]),
            Place::Subscribe => set(&[SUBSCRIPTION_IDENTIFIER, USER_PROPERTY]),
            Place::Unsubscribe => set(&[USER_PROPERTY]),
            Place::Disconnect => set(&[SESSION_EXPIRY_INTERVAL, REASON_STRING, USER_PROPERTY]),
            Place::Auth => AUTH,
        }
    }
}

/// The properties of a packet as they came, without their length, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Properties<'a> {
    bytes: &'a [u8],
}

impl<'a> Properties<'a> {
    /// None.
    pub const EMPTY: Properties<'static> = Properties { bytes: &[] };

    /// Bytes that were checked when their packet was decoded: those of the journal.
    pub fn journalled(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Content type of a message; empty where there is none.
    pub fn content_type(&self) -> &'a str {
        self.iter()
            .find_map(|property| {
                if let Property::ContentType(text) = property {
                    Some(text)
                } else {
                    None
                }
            })
            .unwrap_or_default()
    }

    /// The bytes on the wire, without the length in front.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// No properties.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// One by one, in the order on the wire.
    pub fn iter(&self) -> PropertiesIter<'a> {
        PropertiesIter {
            reader: Reader::new(self.bytes),
        }
    }
}

impl<'a> IntoIterator for Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertiesIter<'a>;

    fn into_iter(self) -> PropertiesIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertiesIter<'a>;

    fn into_iter(self) -> PropertiesIter<'a> {
        self.iter()
    }
}

/// See [`Properties::iter`].
#[derive(Clone, Debug)]
pub struct PropertiesIter<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for PropertiesIter<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        // They were checked when the packet was decoded, so an error here can only be the end.
        let id = self.reader.u8().ok()?;
        value(id, &mut self.reader, DiscouragedText::Accept).ok()
    }
}

/// Takes the properties of a packet, checks them, and shows each to `visit`.
#[inline]
pub(super) fn read<'a>(
    place: Place,
    packet: &mut Reader<'a>,
    limits: &Limits,
    visit: impl FnMut(Property<'a>),
) -> Result<Properties<'a>, Malformed> {
    let bytes = packet.varint()?;
    let bytes = packet.take(bytes as usize)?;
    if !bytes.is_empty() {
        check(place, bytes, limits, visit)?;
    }
    Ok(Properties { bytes })
}

fn check<'a>(
    place: Place,
    bytes: &'a [u8],
    limits: &Limits,
    mut visit: impl FnMut(Property<'a>),
) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    let mut seen = 0_u64;
    while !reader.is_empty() {
        // A variable byte integer by the standard, of which all that exist take one byte.
        let id = u8::try_from(reader.varint()?).unwrap_or(u8::MAX);
        let bit = 1_u64.checked_shl(u32::from(id)).unwrap_or(0);
        if place.allowed() & bit == 0 {
            return Err(refused(place, id, bit));
        }
        if seen & bit != 0 && id != USER_PROPERTY {
            return Err(Malformed::protocol("property given twice", "MQTT5-2.2.2.2"));
        }
        seen |= bit;
        let property = value(id, &mut reader, limits.discouraged_text)?;
        check_value(property)?;
        visit(property);
    }
    Ok(())
}

fn refused(place: Place, id: u8, bit: u64) -> Malformed {
    if KNOWN & bit == 0 {
        return Malformed::packet("unknown property", "MQTT5-2.2.2.2");
    }
    if place == Place::Publish && id == SUBSCRIPTION_IDENTIFIER {
        return Malformed::protocol("subscription identifier from a client", "MQTT-3.3.4-6");
    }
    Malformed::packet("property that this packet cannot have", "MQTT5-2.2.2.2")
}

/// The value of a property of this type.
fn value<'a>(
    id: u8,
    reader: &mut Reader<'a>,
    discouraged: DiscouragedText,
) -> Result<Property<'a>, Malformed> {
    Ok(match id {
        PAYLOAD_FORMAT_INDICATOR => Property::PayloadFormatIndicator(boolean(reader)?),
        MESSAGE_EXPIRY_INTERVAL => Property::MessageExpiryInterval(reader.u32()?),
        CONTENT_TYPE => Property::ContentType(reader.text(discouraged)?),
        RESPONSE_TOPIC => Property::ResponseTopic(reader.text(discouraged)?),
        CORRELATION_DATA => Property::CorrelationData(reader.binary()?),
        SUBSCRIPTION_IDENTIFIER => Property::SubscriptionIdentifier(reader.varint()?),
        SESSION_EXPIRY_INTERVAL => Property::SessionExpiryInterval(reader.u32()?),
        AUTHENTICATION_METHOD => Property::AuthenticationMethod(reader.text(discouraged)?),
        AUTHENTICATION_DATA => Property::AuthenticationData(reader.binary()?),
        REQUEST_PROBLEM_INFORMATION => Property::RequestProblemInformation(boolean(reader)?),
        WILL_DELAY_INTERVAL => Property::WillDelayInterval(reader.u32()?),
        REQUEST_RESPONSE_INFORMATION => Property::RequestResponseInformation(boolean(reader)?),
        REASON_STRING => Property::ReasonString(reader.text(discouraged)?),
        RECEIVE_MAXIMUM => Property::ReceiveMaximum(reader.u16()?),
        TOPIC_ALIAS_MAXIMUM => Property::TopicAliasMaximum(reader.u16()?),
        TOPIC_ALIAS => Property::TopicAlias(reader.u16()?),
        USER_PROPERTY => {
            Property::UserProperty(reader.text(discouraged)?, reader.text(discouraged)?)
        }
        MAXIMUM_PACKET_SIZE => Property::MaximumPacketSize(reader.u32()?),
        _ => return Err(Malformed::packet("unknown property", "MQTT5-2.2.2.2")),
    })
}

fn boolean(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::protocol(
            "property value neither 0 nor 1",
            "MQTT5-2.2.2.2",
        )),
    }
}

fn check_value(property: Property<'_>) -> Result<(), Malformed> {
    match property {
        Property::ReceiveMaximum(0) => {
            Err(Malformed::protocol("receive maximum 0", "MQTT5-3.1.2.11.3"))
        }
        Property::MaximumPacketSize(0) => Err(Malformed::protocol(
            "maximum packet size 0",
            "MQTT5-3.1.2.11.4",
        )),
        Property::SubscriptionIdentifier(0) => Err(Malformed::protocol(
            "subscription identifier 0",
            "MQTT5-3.8.2.1.2",
        )),
        Property::TopicAlias(0) => Err(Malformed::new(
            Reason::TopicAliasInvalid,
            "topic alias 0",
            "MQTT-3.3.2-8",
        )),
        Property::ResponseTopic("") => {
            Err(Malformed::protocol("empty response topic", "MQTT-4.7.3-1"))
        }
        Property::ResponseTopic(topic) => text::topic_name(topic, u16::MAX)
            .map_err(|_| Malformed::protocol("wildcard in a response topic", "MQTT-3.3.2-14")),
        Property::PayloadFormatIndicator(_)
        | Property::MessageExpiryInterval(_)
        | Property::ContentType(_)
        | Property::CorrelationData(_)
        | Property::SubscriptionIdentifier(_)
        | Property::SessionExpiryInterval(_)
        | Property::AuthenticationMethod(_)
        | Property::AuthenticationData(_)
        | Property::RequestProblemInformation(_)
        | Property::WillDelayInterval(_)
        | Property::RequestResponseInformation(_)
        | Property::ReasonString(_)
        | Property::ReceiveMaximum(_)
        | Property::TopicAliasMaximum(_)
        | Property::TopicAlias(_)
        | Property::UserProperty(..)
        | Property::MaximumPacketSize(_) => Ok(()),
    }
}
