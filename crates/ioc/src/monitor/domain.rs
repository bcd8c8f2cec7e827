//! The site pack in force, with the state that depends on it.

use std::sync::Arc;

use alert::{Effect, Engine, Origin};
use derive::Deriver;
use event::{Event, PackFiles};
use normalize::Normalizer;
use sha2::{Digest, Sha256};

use super::out::Out;
use crate::site::Site;

/// What a configuration record put in force.
pub(super) struct Domain {
    pub(super) pack: Vec<u8>,
    pub(super) digest: [u8; 32],
    pub(super) site: Site,
    pub(super) normalizer: Normalizer,
    pub(super) deriver: Deriver,
    pub(super) engine: Engine,
}

impl Domain {
    pub(super) fn build(pack: Vec<u8>) -> Result<Self, String> {
        let digest = Sha256::digest(&pack).into();
        let files = PackFiles::from_bytes(&pack).ok_or("its bytes are not a site pack")?;
        let site = Site::load(&files).map_err(|mistakes| {
            let first = mistakes
                .first()
                .map(ToString::to_string)
                .unwrap_or_default();
            format!("{} mistake(s), first: {first}", mistakes.len())
        })?;
        Ok(Self::of(pack, digest, site))
    }

    /// Of a pack that was compiled before.
    pub(super) fn of(pack: Vec<u8>, digest: [u8; 32], site: Site) -> Self {
        let vocabulary = Arc::new(site.catalogue.vocabulary().clone());
        Self {
            pack,
            digest,
            normalizer: Normalizer::new(Arc::clone(&site.catalogue)),
            deriver: Deriver::new(Arc::clone(&site.derive)),
            engine: Engine::new(Arc::clone(&site.rules), vocabulary),
            site,
        }
    }

    /// Derived events go the way of the others: to the rules, then out.
    pub(super) fn take_derived(
        &mut self,
        origin: &Origin,
        derived: &mut Vec<Event>,
        effects: &mut Vec<Effect>,
        outs: &mut Vec<Out<'_>>,
    ) {
        for event in derived.drain(..) {
            self.engine.event(origin, &event, effects);
            outs.push(Out::Event(event));
        }
    }
}
