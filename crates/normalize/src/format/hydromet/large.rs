//! A feed of the whole country, taken apart item by item: what lies elsewhere is let go before the next one is read, so that
//! thousands of gauges need no tree of all of them.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use event::RejectCode;

use super::{Context, Item, names};
use crate::fault::Fault;
use crate::format::{Records, tree};

/// The rain network has about 8,400 gauges.
const ITEMS_MAX: usize = 20_000;
/// Items that are ours; the province has 99 communes and some hundred gauges.
const KEPT_MAX: usize = 2_000;

#[derive(Deserialize)]
struct Envelope<'t> {
    #[serde(borrow)]
    d: Option<&'t RawValue>,
    #[serde(borrow)]
    features: Option<&'t RawValue>,
    #[serde(borrow)]
    data: Option<&'t RawValue>,
    #[serde(borrow)]
    items: Option<&'t RawValue>,
    #[serde(borrow)]
    result: Option<&'t RawValue>,
}

/// The items that may be ours. None where the document is no list: then it is no large feed.
pub(super) fn items(
    context: &Context<'_>,
    text: &str,
    out: &mut Records,
) -> Result<Option<Vec<Value>>, Fault> {
    let mut text = text.trim().to_owned();
    for _ in 0..6 {
        let inner = match text.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(&text).ok(),
            Some(b'{') => serde_json::from_str::<Envelope<'_>>(&text)
                .ok()
                .and_then(|envelope| {
                    let all = [
                        envelope.d,
                        envelope.features,
                        envelope.data,
                        envelope.items,
                        envelope.result,
                    ];
                    all.into_iter()
                        .flatten()
                        .next()
                        .map(|raw| raw.get().to_owned())
                }),
            Some(b'[') => {
                let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(&text) else {
                    return Ok(None);
                };
                return kept(context, &list, out).map(Some);
            }
            _ => None,
        };
        match inner {
            Some(inner) => text = inner.trim().to_owned(),
            None => return Ok(None),
        }
    }
    Ok(None)
}

fn kept(context: &Context<'_>, list: &[&RawValue], out: &mut Records) -> Result<Vec<Value>, Fault> {
    let too_many = |what: &str, bound: usize| {
        let reason = format!("the feed has more than {bound} {what}; split it");
        Fault::new(RejectCode::TooManyFields, reason)
    };
    if list.len() > ITEMS_MAX {
        return Err(too_many("items", ITEMS_MAX));
    }
    let depth_max = context.wire.catalogue.limits.depth_max;
    let mut kept = Vec::new();
    for raw in list {
        let value = tree::parse_text(raw.get(), depth_max)?;
        let Value::Object(members) = &value else {
            continue;
        };
        if !ours(context, Item(members)) {
            out.elsewhere += 1;
            continue;
        }
        if kept.len() >= KEPT_MAX {
            return Err(too_many("items of this province", KEPT_MAX));
        }
        kept.push(value);
    }
    Ok(kept)
}

/// By the province's name, else by the point; of what says neither nothing is known.
fn ours(context: &Context<'_>, item: Item<'_>) -> bool {
    let mut flags = event::EventFlags::default();
    let provinces = [
        "provinceName_2cap",
        "ten_tinh_2cap",
        "provinceName",
        "ten_tinh",
    ];
    match provinces.iter().find_map(|key| item.text(key, &mut flags)) {
        Some(name) => context.plan.provinces.contains(&names::key(&name)),
        None => context.inside(item.place()).unwrap_or(true),
    }
}
