//! SUBSCRIBE and UNSUBSCRIBE.

use super::property::{self, Place, Property};
use super::reader::Reader;
use super::{
    DiscouragedText, Limits, Malformed, Properties, Protocol, Qos, Subscribe, Unsubscribe, text,
};

/// What happens to retained messages at a subscription, MQTT 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetainHandling {
    /// Sent at every subscription; all there is in 3.1.1.
    Send,
    /// Sent if the subscription is new.
    SendIfNew,
    /// Not sent.
    DoNotSend,
}

/// One filter of a SUBSCRIBE with its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter<'a> {
    /// A valid topic filter, `$share/...` included.
    pub filter: &'a str,
    /// The quality of service asked for.
    pub qos: Qos,
    /// MQTT 5 No Local.
    pub no_local: bool,
    /// MQTT 5 Retain As Published.
    pub retain_as_published: bool,
    /// MQTT 5 Retain Handling.
    pub retain_handling: RetainHandling,
}

impl Filter<'_> {
    /// A shared subscription (MQTT 5).
    pub fn is_shared(&self) -> bool {
        self.filter.starts_with("$share/")
    }

    /// Contains `+` or `#`.
    pub fn has_wildcard(&self) -> bool {
        self.filter.contains(['+', '#'])
    }
}

/// The filters of a SUBSCRIBE, checked when the packet was decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filters<'a> {
    bytes: &'a [u8],
    count: usize,
}

/// The filters of an UNSUBSCRIBE, checked when the packet was decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnsubscribeFilters<'a> {
    bytes: &'a [u8],
    count: usize,
}

impl<'a> Filters<'a> {
    /// One by one, in the order on the wire.
    pub fn iter(&self) -> FiltersIter<'a> {
        FiltersIter {
            reader: Reader::new(self.bytes),
            left: self.count,
        }
    }

    /// At least 1.
    #[expect(
        clippy::len_without_is_empty,
        reason = "there is no SUBSCRIBE without a filter"
    )]
    pub fn len(&self) -> usize {
        self.count
    }
}

impl<'a> UnsubscribeFilters<'a> {
    /// One by one, in the order on the wire.
    pub fn iter(&self) -> UnsubscribeFiltersIter<'a> {
        UnsubscribeFiltersIter {
            reader: Reader::new(self.bytes),
            left: self.count,
        }
    }

    /// At least 1.
    #[expect(
        clippy::len_without_is_empty,
        reason = "there is no UNSUBSCRIBE without a filter"
    )]
    pub fn len(&self) -> usize {
        self.count
    }
}

/// See [`Filters::iter`].
#[derive(Clone, Debug)]
pub struct FiltersIter<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for FiltersIter<'a> {
    type Item = Filter<'a>;

    fn next(&mut self) -> Option<Filter<'a>> {
        // Checked when the packet was decoded, with the rules of its version: no error is left.
        let filter = read_filter(&mut self.reader, Protocol::V5, DiscouragedText::Accept).ok()?;
        self.left = self.left.saturating_sub(1);
        Some(filter)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for FiltersIter<'_> {}

/// See [`UnsubscribeFilters::iter`].
#[derive(Clone, Debug)]
pub struct UnsubscribeFiltersIter<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for UnsubscribeFiltersIter<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let filter = self.reader.text(DiscouragedText::Accept).ok()?;
        self.left = self.left.saturating_sub(1);
        Some(filter)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for UnsubscribeFiltersIter<'_> {}

pub(super) fn subscribe<'a>(
    body: &'a [u8],
    protocol: Protocol,
    limits: &Limits,
) -> Result<Subscribe<'a>, Malformed> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let mut subscription_id = None;
    let properties = match protocol {
        Protocol::V3 => Properties::EMPTY,
        Protocol::V5 => property::read(Place::Subscribe, &mut reader, limits, |property| {
            if let Property::SubscriptionIdentifier(id) = property {
                subscription_id = Some(id);
            }
        })?,
    };
    let bytes = reader.rest();
    let mut count = 0;
    while !reader.is_empty() {
        let filter = read_filter(&mut reader, protocol, limits.discouraged_text)?;
        text::topic_filter(filter.filter, protocol)?;
        count += 1;
    }
    if count == 0 {
        return Err(Malformed::protocol(
            "SUBSCRIBE without a filter",
            "MQTT-3.8.3-2",
        ));
    }
    Ok(Subscribe {
        packet_id,
        subscription_id,
        properties,
        filters: Filters { bytes, count },
    })
}

/// Reads a filter and its options; the filter's own form is for the caller to check.
fn read_filter<'a>(
    reader: &mut Reader<'a>,
    protocol: Protocol,
    discouraged: DiscouragedText,
) -> Result<Filter<'a>, Malformed> {
    let filter = reader.text(discouraged)?;
    let options = reader.u8()?;
    if protocol == Protocol::V3 && options > 2 {
        return Err(Malformed::packet(
            "options of a subscription neither 0 nor 1 nor 2",
            "MQTT3-3.8.3-4",
        ));
    }
    if options & 0xC0 != 0 {
        return Err(Malformed::packet(
            "reserved bits of a subscription",
            "MQTT-3.8.3-5",
        ));
    }
    let qos = Qos::from_bits(options & 3)
        .ok_or_else(|| Malformed::protocol("subscription with QoS 3", "MQTT5-3.8.3.1"))?;
    let retain_handling = match options >> 4 & 3 {
        0 => RetainHandling::Send,
        1 => RetainHandling::SendIfNew,
        2 => RetainHandling::DoNotSend,
        _ => return Err(Malformed::protocol("retain handling 3", "MQTT5-3.8.3.1")),
    };
    let filter = Filter {
        filter,
        qos,
        no_local: options & 4 != 0,
        retain_as_published: options & 8 != 0,
        retain_handling,
    };
    if filter.no_local && filter.is_shared() {
        return Err(Malformed::protocol(
            "no local on a shared subscription",
            "MQTT-3.8.3-4",
        ));
    }
    Ok(filter)
}

pub(super) fn unsubscribe<'a>(
    body: &'a [u8],
    protocol: Protocol,
    limits: &Limits,
) -> Result<Unsubscribe<'a>, Malformed> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let properties = match protocol {
        Protocol::V3 => Properties::EMPTY,
        Protocol::V5 => property::read(Place::Unsubscribe, &mut reader, limits, |_| ())?,
    };
    let bytes = reader.rest();
    let mut count = 0;
    while !reader.is_empty() {
        text::topic_filter(reader.text(limits.discouraged_text)?, protocol)?;
        count += 1;
    }
    if count == 0 {
        return Err(Malformed::protocol(
            "UNSUBSCRIBE without a filter",
            "MQTT-3.10.3-2",
        ));
    }
    Ok(Unsubscribe {
        packet_id,
        properties,
        filters: UnsubscribeFilters { bytes, count },
    })
}
