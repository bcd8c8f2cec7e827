//! MQTT 5 topic aliases of a connection. Bound: the topic alias maximum times the longest topic.

use crate::codec::{Malformed, Reason};

#[derive(Debug, Default)]
pub(crate) struct Aliases {
    topics: Vec<Box<str>>,
}

impl Aliases {
    /// The full topic of a PUBLISH; remembers it if the packet says so.
    #[inline]
    pub(crate) fn resolve<'a>(
        &'a mut self,
        topic: &'a str,
        alias: Option<u16>,
        max: u16,
    ) -> Result<&'a str, Malformed> {
        match alias {
            None => Ok(topic),
            Some(alias) => self.through(topic, alias, max),
        }
    }

    fn through<'a>(
        &'a mut self,
        topic: &'a str,
        alias: u16,
        max: u16,
    ) -> Result<&'a str, Malformed> {
        if alias > max {
            return Err(Malformed::new(
                Reason::TopicAliasInvalid,
                "topic alias above the maximum",
                "MQTT-3.3.2-9",
            ));
        }
        let index = usize::from(alias - 1);
        if !topic.is_empty() {
            if self.topics.len() <= index {
                self.topics.resize(index + 1, Box::default());
            }
            if *self.topics[index] != *topic {
                self.topics[index] = topic.into();
            }
            return Ok(topic);
        }
        match self.topics.get(index) {
            Some(known) if !known.is_empty() => Ok(known),
            Some(_) | None => Err(Malformed::new(
                Reason::ProtocolError,
                "topic alias without a topic before it",
                "MQTT5-3.3.2.3.4",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Aliases;
    use crate::codec::Reason;

    #[test]
    fn an_alias_stands_for_the_last_topic_given_to_it() {
        let mut aliases = Aliases::default();
        assert_eq!(aliases.resolve("a", None, 2), Ok("a"));
        assert_eq!(aliases.resolve("a/b", Some(2), 2), Ok("a/b"));
        assert_eq!(aliases.resolve("", Some(2), 2), Ok("a/b"));
        assert_eq!(aliases.resolve("c", Some(2), 2), Ok("c"));
        assert_eq!(aliases.resolve("", Some(2), 2), Ok("c"));
        let reason = |result: Result<&str, _>| result.map(str::to_owned).map_err(reason_of);
        assert_eq!(
            reason(aliases.resolve("", Some(1), 2)),
            Err(Reason::ProtocolError)
        );
        assert_eq!(
            reason(aliases.resolve("x", Some(3), 2)),
            Err(Reason::TopicAliasInvalid)
        );
        assert_eq!(
            reason(aliases.resolve("x", Some(1), 0)),
            Err(Reason::TopicAliasInvalid)
        );
    }

    fn reason_of(error: crate::codec::Malformed) -> Reason {
        error.reason
    }
}
