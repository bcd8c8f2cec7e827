//! The invariants, each as a function of what can be seen from outside.

use std::collections::{BTreeMap, BTreeSet};

use crate::server::Server;
use crate::world::{Made, Reports};

pub(crate) struct Seen<'a> {
    pub(crate) made: &'a [Made],
    pub(crate) server: &'a Server,
    pub(crate) reports: &'a Reports,
}

impl Seen<'_> {
    fn delivered(&self) -> BTreeSet<u64> {
        self.server.log.iter().map(|taken| taken.offset).collect()
    }

    /// The cursor never passes an unfinished record; at the very end that means: nothing is missing.
    pub(crate) fn all_finished_below(&self, cursor: u64) -> Result<(), String> {
        let delivered = self.delivered();
        for offset in 0..cursor {
            let finished = delivered.contains(&offset)
                || self.reports.is_rejected(offset)
                || self.reports.is_gap(offset);
            if !finished {
                return Err(format!(
                    "{offset} is not finished, the cursor is at {cursor}"
                ));
            }
        }
        Ok(())
    }

    /// What is in quarantine is poison, with its bytes and its reason; and every poison that is behind the cursor is there
    /// (unless it was lost).
    pub(crate) fn quarantine_is_exact(&self, cursor: u64, first_offset: u64) -> Result<(), String> {
        for (offset, reason, record) in &self.reports.rejects {
            let made = &self.made[*offset as usize];
            if !made.told.poison {
                return Err(format!("{offset} is in quarantine and was good: {reason}"));
            }
            // The journal may have let the bytes go between the delivery and the answer.
            let gone = *offset < first_offset && record.is_empty();
            if *record != made.reported() && !gone {
                return Err(format!("{offset} is in quarantine with other bytes"));
            }
            if reason.is_empty() {
                return Err(format!("{offset} is in quarantine without a reason"));
            }
        }
        let missing = (0..cursor).find(|offset| {
            self.made[*offset as usize].told.poison
                && !self.reports.is_rejected(*offset)
                && !self.reports.is_gap(*offset)
        });
        missing.map_or(Ok(()), |offset| {
            Err(format!("poison {offset} is not in quarantine"))
        })
    }

    /// A gap is what the journal let go, never more, and recorded once a life.
    pub(crate) fn gaps_are_exact(&self, first_offset: u64) -> Result<(), String> {
        for (from, to) in &self.reports.gaps {
            if from >= to || *to > first_offset {
                return Err(format!(
                    "a gap {from}..{to}, and the journal begins at {first_offset}"
                ));
            }
        }
        Ok(())
    }

    /// For an ordered sink: the first delivery of each record of a key comes after those of all before it.
    pub(crate) fn order_is_kept(&self) -> Result<(), String> {
        if !self.server.ordered {
            return Ok(());
        }
        let mut last: BTreeMap<u8, u64> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for taken in &self.server.log {
            if seen.insert(taken.offset) {
                let last = last.entry(taken.key).or_default();
                if taken.offset < *last {
                    return Err(format!(
                        "key {}: {} came after {last}",
                        taken.key, taken.offset
                    ));
                }
                *last = taken.offset;
            }
        }
        Ok(())
    }

    /// What a life delivered that an earlier one had delivered is at most a window. `calm`: nothing failed meanwhile.
    pub(crate) fn repeats_are_bounded(&self) -> Result<(), String> {
        let mut first: BTreeMap<u64, u32> = BTreeMap::new();
        let mut repeated: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        for taken in &self.server.log {
            let born = *first.entry(taken.offset).or_insert(taken.life);
            if born < taken.life {
                repeated.entry(taken.life).or_default().insert(taken.offset);
            }
        }
        let window = self.server.limits.window_records;
        for (life, offsets) in repeated {
            if offsets.len() as u64 > window {
                return Err(format!(
                    "life {life} repeated {} records, the window is {window}",
                    offsets.len()
                ));
            }
        }
        Ok(())
    }

    /// What the server itself found: bounds of batches, flights and window; poison stored.
    pub(crate) fn nobody_complains(&self) -> Result<(), String> {
        match self.server.complaints.first() {
            None => Ok(()),
            Some(complaint) => Err(complaint.clone()),
        }
    }

    pub(crate) fn all(&self, cursor: u64, first_offset: u64) -> Result<(), String> {
        self.nobody_complains()?;
        self.all_finished_below(cursor)?;
        self.quarantine_is_exact(cursor, first_offset)?;
        self.gaps_are_exact(first_offset)?;
        self.order_is_kept()?;
        self.repeats_are_bounded()
    }
}
