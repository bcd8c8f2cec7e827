//! Topic filters as the standards define them, for the topics that get a reserve.

/// A filter that no topic can be matched against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{filter}\" is no topic filter: {why}")]
pub struct FilterError {
    filter: String,
    why: &'static str,
}

/// A handful of filters, matched one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopicFilters {
    filters: Vec<Vec<Level>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Name(Box<str>),
    One,
    Rest,
}

impl TopicFilters {
    pub(crate) fn new(filters: &[String]) -> Result<Self, FilterError> {
        let filters = filters
            .iter()
            .map(|filter| parse(filter))
            .collect::<Result<_, _>>()?;
        Ok(Self { filters })
    }

    #[inline]
    pub(crate) fn matches(&self, topic: &str) -> bool {
        self.filters.iter().any(|filter| matches(filter, topic))
    }
}

/// Whether some topic matches both. What is no filter overlaps nothing.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    match (parse(one), parse(other)) {
        (Ok(one), Ok(other)) => levels_overlap(&one, &other),
        _ => false,
    }
}

fn levels_overlap(one: &[Level], other: &[Level]) -> bool {
    match (one.split_first(), other.split_first()) {
        (None, None) => true,
        // `a/#` matches `a` itself.
        (Some((Level::Rest, _)), _) | (_, Some((Level::Rest, _))) => true,
        (Some((Level::Name(a), one)), Some((Level::Name(b), other))) => {
            a == b && levels_overlap(one, other)
        }
        (Some((_, one)), Some((_, other))) => levels_overlap(one, other),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn parse(filter: &str) -> Result<Vec<Level>, FilterError> {
    let refused = |why| {
        Err(FilterError {
            filter: filter.to_owned(),
            why,
        })
    };
    if filter.is_empty() {
        return refused("it is empty");
    }
    let mut levels = Vec::new();
    for name in filter.split('/') {
        if levels.last() == Some(&Level::Rest) {
            return refused("# is the last level");
        }
        levels.push(match name {
            "+" => Level::One,
            "#" => Level::Rest,
            _ if name.contains(['+', '#', '\0']) => {
                return refused("+ and # stand alone in a level");
            }
            _ => Level::Name(name.into()),
        });
    }
    Ok(levels)
}

fn matches(filter: &[Level], topic: &str) -> bool {
    // A wildcard at the front does not match the server's own topics.
    if topic.starts_with('$') && !matches!(filter.first(), Some(Level::Name(_))) {
        return false;
    }
    let mut names = topic.split('/');
    for level in filter {
        match (level, names.next()) {
            // `a/#` matches `a` itself.
            (Level::Rest, _) => return true,
            (Level::One, Some(_)) => {}
            (Level::Name(wanted), Some(name)) if **wanted == *name => {}
            (Level::One | Level::Name(_), _) => return false,
        }
    }
    names.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::{TopicFilters, overlap};

    #[test]
    fn overlapping_filters_are_seen() {
        for (one, other) in [
            ("ioc/#", "ioc/+/disaster/#"),
            ("a/+", "+/b"),
            ("a/#", "a"),
            ("a/b", "a/b"),
        ] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("ioc/+/energy/#", "ioc/+/disaster/#"),
            ("a/+", "a/b/c"),
            ("a/b", "a"),
        ] {
            assert!(
                !overlap(one, other) && !overlap(other, one),
                "{one} {other}"
            );
        }
    }

    fn check(filter: &str, topic: &str) -> bool {
        TopicFilters::new(&[filter.to_owned()])
            .expect("filter")
            .matches(topic)
    }

    #[test]
    fn matches_as_the_standard_says() {
        for (filter, topic) in [
            ("ioc/+/disaster/#", "ioc/lao-cai/disaster/wl-1/up"),
            ("ioc/+/disaster/#", "ioc/lao-cai/disaster"),
            ("a/b", "a/b"),
            ("+/+", "/a"),
            ("#", "a/b/c"),
            ("a/+", "a/"),
        ] {
            assert!(check(filter, topic), "{filter} {topic}");
        }
        for (filter, topic) in [
            ("ioc/+/disaster/#", "ioc/lao-cai/energy/m-1/up"),
            ("ioc/+/disaster/#", "ioc/disaster/x"),
            ("a/b", "a/b/c"),
            ("a/b/c", "a/b"),
            ("+", "/a"),
            ("#", "$SYS/a"),
            ("a/+", "a"),
        ] {
            assert!(!check(filter, topic), "{filter} {topic}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filter in ["", "a/#/b", "a+/b", "a/b#"] {
            assert!(TopicFilters::new(&[filter.to_owned()]).is_err(), "{filter}");
        }
    }
}
