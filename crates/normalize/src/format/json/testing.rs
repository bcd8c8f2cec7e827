//! For the tests of formats that find their fields by the site's own pack.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use event::{PackFiles, Time};

use crate::catalogue::Catalogue;
use crate::fault::Fault;
use crate::format::{Memory, Record, Records, Wire, decode};

/// The pack of the site, read once.
pub(crate) fn site() -> &'static Catalogue {
    static SITE: OnceLock<Catalogue> = OnceLock::new();
    SITE.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sites/lao-cai");
        let mut files = PackFiles::default();
        let mut folders = vec![(root, String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let name = path
                    .file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned();
                let name = format!("{prefix}{name}");
                if path.is_dir() {
                    folders.push((path, format!("{name}/")));
                } else {
                    files.files.insert(name, fs::read(&path).expect("a file"));
                }
            }
        }
        Catalogue::load(&files).expect("a sound pack")
    })
}

/// What the format of the device's profile makes of a payload.
pub(crate) fn records(
    device: &str,
    payload: &[u8],
    content_type: &str,
) -> Result<Vec<Record>, Fault> {
    let catalogue = site();
    let known = catalogue.by_address(device).expect("a device of the pack");
    let profile = &catalogue.profiles[known.profile];
    let wire = Wire {
        topic: "",
        payload,
        content_type,
        catalogue,
        device: Some(device),
        profile: Some(profile),
        received: Time(1_795_316_646 * Time::SECOND),
    };
    let fields_max = usize::try_from(catalogue.limits.fields_max).expect("a small number");
    let mut out = Records::new(catalogue.limits.readings_max, fields_max);
    decode(&wire, &profile.plan, &mut Memory::default(), &mut out)?;
    Ok(out.into_list())
}

/// Every beginning of a good payload and 2,000 mutations of it from a fixed seed: whatever comes out, nothing breaks.
pub(crate) fn survives_damage(device: &str, payload: &[u8], content_type: &str) {
    let good = records(device, payload, content_type).expect("a good payload");
    assert!(!good.is_empty());
    for end in 0..payload.len() {
        let _ = records(device, &payload[..end], content_type);
    }
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % bound as u64).expect("a small number")
    };
    let mut refused = 0;
    for _ in 0..2_000 {
        let mut bytes = payload.to_vec();
        for _ in 0..=next(4) {
            let at = next(bytes.len().max(1));
            match next(4) {
                0 if !bytes.is_empty() => bytes[at] = u8::try_from(next(256)).expect("a byte"),
                1 if !bytes.is_empty() => bytes[at] ^= 1 << next(8),
                2 if !bytes.is_empty() => drop(bytes.remove(at)),
                _ => {
                    let piece = bytes[at.min(bytes.len())..].to_vec();
                    bytes.splice(
                        at.min(bytes.len())..at.min(bytes.len()),
                        piece.into_iter().take(next(8)),
                    );
                }
            }
        }
        refused += usize::from(records(device, &bytes, content_type).is_err());
    }
    // Most damage is seen.
    assert!(refused > 200, "{refused} refused");
}
