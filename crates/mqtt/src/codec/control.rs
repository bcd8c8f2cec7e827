//! The short packets: PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT, AUTH.

use super::property::{self, Place, Property};
use super::reader::Reader;
use super::{Ack, Auth, Disconnect, Limits, Malformed, Properties, Protocol, Reason};

/// What a client may answer to a message. 0x10 (no matching subscribers) is a server's.
const TAKEN: &[Reason] = &[
    Reason::Success,
    Reason::UnspecifiedError,
    Reason::ImplementationSpecificError,
    Reason::NotAuthorized,
    Reason::TopicNameInvalid,
    Reason::PacketIdentifierInUse,
    Reason::QuotaExceeded,
    Reason::PayloadFormatInvalid,
];

const RELEASED: &[Reason] = &[Reason::Success, Reason::PacketIdentifierNotFound];

/// Those of DISCONNECT that a client may use.
const GOODBYE: &[Reason] = &[
    Reason::Success,
    Reason::DisconnectWithWill,
    Reason::UnspecifiedError,
    Reason::MalformedPacket,
    Reason::ProtocolError,
    Reason::ImplementationSpecificError,
    Reason::TopicNameInvalid,
    Reason::ReceiveMaximumExceeded,
    Reason::TopicAliasInvalid,
    Reason::PacketTooLarge,
    Reason::MessageRateTooHigh,
    Reason::QuotaExceeded,
    Reason::AdministrativeAction,
    Reason::PayloadFormatInvalid,
];

/// 0x00 is a server's.
const AUTHENTICATE: &[Reason] = &[Reason::ContinueAuthentication, Reason::ReAuthenticate];

pub(super) fn puback<'a>(
    body: &'a [u8],
    protocol: Protocol,
    limits: &Limits,
) -> Result<Ack<'a>, Malformed> {
    ack(body, protocol, limits, TAKEN, "MQTT-3.4.2-1")
}

pub(super) fn pubrec<'a>(
    body: &'a [u8],
    protocol: Protocol,
    limits: &Limits,
) -> Result<Ack<'a>, Malformed> {
    ack(body, protocol, limits, TAKEN, "MQTT-3.5.2-1")
}

pub(super) fn pubrel<'a>(
    body: &'a [u8],
    protocol: Protocol,
    limits: &Limits,
) -> Result<Ack<'a>, Malformed> {
    ack(body, protocol, limits, RELEASED, "MQTT-3.6.2-1")
}

pub(super) fn pubcomp<'a>(
    body: &'a [u8],
    protocol: Protocol,
    limits: &Limits,
) -> Result<Ack<'a>, Malformed> {
    ack(body, protocol, limits, RELEASED, "MQTT-3.7.2-1")
}

#[inline]
fn ack<'a>(
    body: &'a [u8],
    protocol: Protocol,
    limits: &Limits,
    reasons: &[Reason],
    rule: &'static str,
) -> Result<Ack<'a>, Malformed> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let mut ack = Ack {
        packet_id,
        reason: Reason::Success,
        properties: Properties::EMPTY,
    };
    // The 3.1.1 form ends here: the header refused anything longer.
    if protocol == Protocol::V5 && !reader.is_empty() {
        ack.reason = reason(&mut reader, reasons, rule)?;
        if !reader.is_empty() {
            ack.properties = property::read(Place::Ack, &mut reader, limits, |_| ())?;
        }
    }
    reader.end()?;
    Ok(ack)
}

fn reason(
    reader: &mut Reader<'_>,
    reasons: &[Reason],
    rule: &'static str,
) -> Result<Reason, Malformed> {
    Reason::from_code(reader.u8()?)
        .filter(|reason| reasons.contains(reason))
        .ok_or_else(|| Malformed::packet("reason code that a client cannot use here", rule))
}

pub(super) fn disconnect<'a>(
    body: &'a [u8],
    protocol: Protocol,
    limits: &Limits,
) -> Result<Disconnect<'a>, Malformed> {
    let mut reader = Reader::new(body);
    let mut disconnect = Disconnect {
        reason: Reason::Success,
        session_expiry_seconds: None,
        properties: Properties::EMPTY,
    };
    if protocol == Protocol::V5 && !reader.is_empty() {
        disconnect.reason = reason(&mut reader, GOODBYE, "MQTT-3.14.2-1")?;
        if !reader.is_empty() {
            disconnect.properties =
                property::read(Place::Disconnect, &mut reader, limits, |property| {
                    if let Property::SessionExpiryInterval(seconds) = property {
                        disconnect.session_expiry_seconds = Some(seconds);
                    }
                })?;
        }
    }
    reader.end()?;
    Ok(disconnect)
}

/// MQTT 5 only: the header refused it in 3.1.1.
pub(super) fn auth<'a>(body: &'a [u8], limits: &Limits) -> Result<Auth<'a>, Malformed> {
    let mut reader = Reader::new(body);
    let reason = reason(&mut reader, AUTHENTICATE, "MQTT-3.15.2-1")?;
    let mut has_method = false;
    let properties = property::read(Place::Auth, &mut reader, limits, |property| {
        has_method |= matches!(property, Property::AuthenticationMethod(_));
    })?;
    if !has_method {
        return Err(Malformed::protocol(
            "AUTH without an authentication method",
            "MQTT5-3.15.2.2.2",
        ));
    }
    reader.end()?;
    Ok(Auth { reason, properties })
}
