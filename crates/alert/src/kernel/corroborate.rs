//! Whether the neighbours say so too. Asked when an episode is told, and again whenever a neighbour of one that nobody shared
//! speaks, or the entity itself: what counts reaches to its newest point. An episode that is over keeps what was said of it.

use event::{EntityInfo, Status};

use super::ask::Reader;
use super::state::KeyRef;
use super::watch::News;
use super::{Kernel, status_index};
use crate::cel::Value;
use crate::engine::Origin;
use crate::ruleset::{Around, Corroborate, Kind, Rule, Side};
use crate::signal::Signal;

impl Kernel {
    /// Whether too few neighbours share an episode, by what they said from its beginning less the window until `at` plus
    /// the window.
    pub(super) fn is_lone(&self, key: KeyRef, since: i64, at: i64) -> bool {
        let KeyRef::Unit(number, index) = key else {
            return false;
        };
        let Some(unit) = self.units.get(number as usize) else {
            return false;
        };
        let Some((bound, rule)) = unit.binding.at(&self.rules, index) else {
            return false;
        };
        let Some(corroborate) = &rule.corroborate else {
            return false;
        };
        let Some(own) = self.vocabulary.entities.get(&*unit.entity) else {
            return true;
        };
        let near = self
            .vocabulary
            .entities
            .values()
            .filter(|info| info.id != own.id && is_near(own, info, corroborate));
        let share = near.filter(|info| {
            self.shares(
                info,
                unit.status,
                (bound.rule, rule),
                corroborate,
                (since, at),
            )
        });
        share.take(corroborate.at_least as usize).count() < corroborate.at_least as usize
    }

    fn shares(
        &self,
        info: &EntityInfo,
        status: Status,
        (index, rule): (u16, &Rule),
        corroborate: &Corroborate,
        (since, at): (i64, i64),
    ) -> bool {
        let number = self
            .index
            .get(&info.id)
            .and_then(|units| units[status_index(status)]);
        let Some(unit) = number.and_then(|number| self.units.get(number as usize)) else {
            return false;
        };
        let Some(bound) = unit.binding.bound.iter().find(|bound| bound.rule == index) else {
            return false;
        };
        let Kind::Condition { raise, .. } = &rule.kind else {
            return false;
        };
        let condition = corroborate.condition.as_ref().unwrap_or(raise);
        let travel = match corroborate.around {
            Around::Distance { .. } => 0,
            Around::River { travel_ns, .. } => travel_ns,
        };
        let reach = corroborate.window_ns.saturating_add(travel);
        let reader = Reader {
            rule,
            sources: &[&unit.history],
            masks: &[bound.mask],
            map: &bound.map,
            limits: &bound.cells,
            members: &[],
            memo: None,
        };
        let (from, to) = (since.saturating_sub(reach), at.saturating_add(reach));
        unit.history
            .points(bound.mask, from, to)
            .rev()
            .any(|point| condition.run(&reader.inputs(point)) == Value::Boolean(true))
    }

    /// A neighbour spoke: episodes that nobody shared may be shared now.
    pub(super) fn corroborate(
        &mut self,
        number: u32,
        touched: u64,
        origin: &Origin,
        out: &mut Vec<Signal>,
    ) {
        let Some(unit) = self.units.get(number as usize) else {
            return;
        };
        let (bound, status) = (unit.binding.bound.iter(), unit.status);
        let concerned: Vec<u16> = bound
            .filter(|bound| bound.mask & touched != 0)
            .map(|bound| bound.rule)
            .collect();
        let suspects: Vec<KeyRef> = self.suspects.iter().copied().collect();
        for key in suspects {
            let KeyRef::Unit(other, index) = key else {
                continue;
            };
            // A drill says nothing of what is real, not even that it is time to ask.
            let of_status = self
                .units
                .get(other as usize)
                .filter(|unit| unit.status == status);
            let Some(suspect) = of_status else { continue };
            let watch = suspect.watch(index);
            let open = watch.and_then(|watch| watch.open()).copied();
            let Some(told) = open.filter(|told| told.suspect) else {
                self.suspects.remove(&key);
                continue;
            };
            let newest = watch.map_or(told.at, |watch| watch.machine.newest);
            if !self.may_share((number, &concerned), (other, index))
                || self.is_lone(key, told.since, newest)
            {
                continue;
            }
            self.suspects.remove(&key);
            if let Some(told) = self.watch_of(key).and_then(super::state::Watch::open_mut) {
                told.suspect = false;
            }
            self.desk.news.push(News::Changed {
                episode: told.episode,
                since: told.since,
                until: None,
                at: Some(newest),
            });
            self.tell(key, origin, out);
        }
    }

    /// Whether what a unit said can bear on a key: it is its own, which reaches further now, or near it.
    fn may_share(&self, (number, concerned): (u32, &[u16]), (other, index): (u32, u16)) -> bool {
        let entity = |number: u32| {
            let unit = self.units.get(number as usize)?;
            self.vocabulary.entities.get(&*unit.entity)
        };
        let unit = self.units.get(other as usize);
        let found = unit.and_then(|unit| unit.binding.at(&self.rules, index));
        let Some((bound, rule)) = found else {
            return false;
        };
        let near = || {
            let (own, spoken) = (entity(other)?, entity(number)?);
            Some(is_near(own, spoken, rule.corroborate.as_ref()?))
        };
        concerned.contains(&bound.rule) && (other == number || near().unwrap_or(false))
    }

    pub(super) fn rebuild_suspects(&mut self) {
        self.suspects.clear();
        for (number, unit) in (0_u32..).zip(&self.units) {
            for index in (0_u16..).take(unit.keys.len()) {
                let open = unit.watch(index).and_then(|watch| watch.open());
                if open.is_some_and(|told| told.suspect) {
                    self.suspects.insert(KeyRef::Unit(number, index));
                }
            }
        }
    }
}

fn is_near(own: &EntityInfo, other: &EntityInfo, corroborate: &Corroborate) -> bool {
    match corroborate.around {
        Around::Distance { km } => {
            let (Some(a), Some(b)) = (own.lat.zip(own.lon), other.lat.zip(other.lon)) else {
                return false;
            };
            distance_km(a, b) <= km
        }
        Around::River { side, .. } => {
            let (Some(river), Some(a), Some(b)) = (&own.river, own.river_km, other.river_km) else {
                return false;
            };
            other.river.as_ref() == Some(river)
                && match side {
                    Side::Upstream => b < a,
                    Side::Downstream => b > a,
                    Side::Both => true,
                }
        }
    }
}

/// Great circle on a sphere of the earth's mean radius.
fn distance_km((lat, lon): (f64, f64), (other_lat, other_lon): (f64, f64)) -> f64 {
    const RADIUS_KM: f64 = 6_371.0;
    let (a, b) = (lat.to_radians(), other_lat.to_radians());
    let half_lat = ((b - a) / 2.0).sin();
    let half_lon = ((other_lon - lon).to_radians() / 2.0).sin();
    let chord = half_lat * half_lat + a.cos() * b.cos() * half_lon * half_lon;
    2.0 * RADIUS_KM * chord.sqrt().min(1.0).asin()
}
