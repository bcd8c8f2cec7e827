//! The messages of the topic of CAP: what they need besides the records.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use cap::{CapConfig, Message, Profile};
use event::{PublicWarning, PublicWarningId, Time, Transition};

/// Warnings whose release is remembered for those that refer to them.
const RELEASED_MAX: usize = 1_000;

/// What CAP messages say of the site, and when the warnings known so far were released.
#[derive(Clone, Debug)]
pub struct CapSource {
    pub config: CapConfig,
    pub zone_seconds: i32,
    pub released: Vec<(PublicWarningId, Time)>,
}

/// None in it: the topic is off.
pub(crate) struct CapMaker {
    source: Option<Arc<CapSource>>,
    released: BTreeMap<PublicWarningId, Time>,
    /// In the order of their coming.
    order: VecDeque<PublicWarningId>,
}

impl CapMaker {
    pub(crate) fn new(source: Option<Arc<CapSource>>) -> Self {
        let mut maker = Self {
            released: BTreeMap::new(),
            order: VecDeque::new(),
            source,
        };
        let known = maker.source.clone();
        for (id, at) in known.iter().flat_map(|source| &source.released) {
            maker.remember(id, *at);
        }
        maker
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.source.is_some()
    }

    pub(crate) fn alert(&self, transition: &Transition) -> Option<Message> {
        let source = self.source.as_ref()?;
        cap::streamed_alert(transition, &source.profile())
    }

    pub(crate) fn warning(&mut self, warning: &PublicWarning) -> Option<Message> {
        let source = self.source.clone()?;
        let released = |id: &PublicWarningId| self.released.get(id).copied();
        let message = cap::streamed_warning(warning, &source.profile(), released)?;
        self.remember(&warning.id, message.sent);
        Some(message)
    }

    fn remember(&mut self, id: &PublicWarningId, at: Time) {
        if self.released.insert(id.clone(), at).is_some() {
            return;
        }
        self.order.push_back(id.clone());
        if self.order.len() > RELEASED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.released.remove(&oldest);
        }
    }
}

impl CapSource {
    const fn profile(&self) -> Profile<'_> {
        Profile::new(&self.config, self.zone_seconds)
    }
}
