//! Devices behind a gateway that is down: that one alert stands for theirs.

use event::{AlertId, Change, Name, Status, Suppressed, SuppressionKind};

use super::{Book, Context, DEPENDENCY_GRACE};
use crate::effect::Effect;

impl Book {
    /// The condition of an alert holds from here on.
    pub(super) fn went_active(&mut self, id: &AlertId, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        self.incident_active(id, ctx.origin.now);
        let Some(entry) = self.open.get(id) else {
            return;
        };
        if !entry.absence || entry.key.retrospective || !entry.holds() {
            return;
        }
        let gateway = (entry.key.entity.clone(), entry.key.status);
        if !self.is_gateway(&gateway.0, ctx) {
            return;
        }
        if self.lifting.remove(id).is_some() {
            self.sync_lift(id);
        }
        self.down
            .entry(gateway.clone())
            .or_default()
            .insert(id.clone());
        self.keep_back_devices(&gateway, id, ctx, out);
    }

    fn is_gateway(&mut self, entity: &Name, ctx: &Context<'_>) -> bool {
        let listed = || {
            let entities = ctx.vocabulary.entities.values();
            entities.filter_map(|info| info.gateway.clone()).collect()
        };
        self.gateways.get_or_insert_with(listed).contains(entity)
    }

    /// Those that rang before their gateway did.
    fn keep_back_devices(
        &mut self,
        (gateway, status): &(Name, Status),
        because: &AlertId,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let now = ctx.origin.now;
        let mut touched = Vec::new();
        for (id, entry) in &mut self.open {
            let behind = entry.gateway.as_ref() == Some(gateway)
                && entry.key.status == *status
                && entry.holds()
                && !entry.depends();
            if behind {
                entry.alert.handling.suppressed.push(Suppressed {
                    kind: SuppressionKind::Dependency,
                    suppression: None,
                    because_of: Some(because.clone()),
                    since: now,
                });
                entry.tell(Change::Suppressed, None, ctx, out);
                self.counters.suppressed += super::one(*status);
                touched.push(id.clone());
            }
        }
        for id in touched {
            self.sync(&id, now);
        }
    }

    /// The condition of an alert is gone. A gateway's devices are kept back for a while yet: they have to be heard first.
    pub(super) fn went_inactive(&mut self, id: &AlertId, ctx: &Context<'_>) {
        self.incident_inactive(id, ctx.origin.now);
        let is_down = self.entry(id).is_some_and(|entry| {
            let gateway = (entry.key.entity.clone(), entry.key.status);
            (self.down.get(&gateway)).is_some_and(|alerts| alerts.contains(id))
        });
        if is_down {
            self.lifting
                .entry(id.clone())
                .or_insert(ctx.origin.now.plus(DEPENDENCY_GRACE));
            self.sync_lift(id);
        }
    }

    /// The grace is over.
    pub(super) fn lift_dependency(
        &mut self,
        id: &AlertId,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        if self.lifting.remove(id).is_some() {
            self.lift_at_once(id, ctx, out);
        }
    }

    /// The alert stands for no others any more. Another one of the same gateway takes its place.
    pub(super) fn lift_at_once(&mut self, id: &AlertId, ctx: &Context<'_>, out: &mut Vec<Effect>) {
        self.lifting.remove(id);
        self.sync_lift(id);
        let of = self.down.iter().find(|(_, alerts)| alerts.contains(id));
        let Some((gateway, _)) = of else { return };
        let gateway = gateway.clone();
        let mut other = None;
        if let Some(alerts) = self.down.get_mut(&gateway) {
            alerts.remove(id);
            other = alerts.first().cloned();
        }
        if let Some(other) = other {
            let kept = (self.open.values_mut())
                .flat_map(|entry| entry.alert.handling.suppressed.iter_mut());
            for kept in kept.filter(|kept| kept.because_of.as_ref() == Some(id)) {
                kept.because_of = Some(other.clone());
            }
            return;
        }
        self.down.remove(&gateway);
        let is_it = |kept: &Suppressed| kept.because_of.as_ref() == Some(id);
        self.unsuppress(is_it, None, ctx, out);
    }

    fn sync_lift(&mut self, id: &AlertId) {
        let due = self.lifting.get(id).copied();
        self.timers.set(super::timers::Timer::Lift(id.clone()), due);
    }
}
