//! What the tests of these formats have in common: the site of the repository, and payloads shaken.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use event::{PackFiles, Time};

use super::*;
use crate::catalogue::Catalogue;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut files = PackFiles::default();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sites/lao-cai");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).expect("below the root");
            let name = name.to_str().expect("a name").to_owned();
            files.files.insert(name, fs::read(&path).expect("a file"));
        }
    }
    Catalogue::load(&files).expect("the site is sound")
});

pub(in crate::format) fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

pub(in crate::format) fn wire<'a>(topic: &'a str, payload: &'a [u8]) -> Wire<'a> {
    Wire {
        topic,
        payload,
        content_type: "",
        catalogue: catalogue(),
        device: None,
        profile: None,
        received: Time(1_795_316_646 * Time::SECOND),
    }
}

/// Every beginning of a good payload, and 2,000 seeded mutations of it: none may panic.
pub(in crate::format) fn shake(good: &[u8], mut decode: impl FnMut(&[u8])) {
    for end in 0..=good.len() {
        decode(&good[..end]);
    }
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below.max(1) as u64).expect("small")
    };
    for _ in 0..2_000 {
        let mut bytes = good.to_vec();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(4) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << random(8),
                1 if !bytes.is_empty() => {
                    bytes.remove(at);
                }
                2 => bytes.insert(at, u8::try_from(random(256)).expect("a byte")),
                _ if !bytes.is_empty() => bytes[at] = u8::try_from(random(256)).expect("a byte"),
                _ => {}
            }
        }
        decode(&bytes);
    }
}

#[test]
fn euis_in_any_form_are_one() {
    for text in [
        "24e124454e110001",
        "24E124454E110001",
        "24-E1-24-45-4E-11-00-01",
        "24:e1:24:45:4e:11:00:01",
    ] {
        assert_eq!(eui(text).as_deref(), Some("24e124454e110001"));
    }
    for wrong in [
        "",
        "24e124454e11000",
        "24e124454e1100011",
        "24e124454e11000g",
        "pump-7",
    ] {
        assert_eq!(eui(wrong), None, "{wrong}");
    }
}

#[test]
fn quantities_have_known_units() {
    assert_eq!(quantity("1752 mm"), Some((1752.0, "mm")));
    assert_eq!(quantity(" -3.50°C "), Some((-3.5, "Cel")));
    assert_eq!(quantity("3.402 V"), Some((3.402, "V")));
    for wrong in [
        "1752",
        "No Sensor",
        "mm",
        "1-2 mm",
        "1e9 mm",
        "12 furlongs",
        "",
    ] {
        assert_eq!(quantity(wrong), None, "{wrong}");
    }
}

#[test]
fn a_long_name_of_a_long_list_costs_little() {
    let name = "n".repeat(100_000);
    let object = serde_json::json!({ name: vec![0; 100_000], "list": vec![0; 100_000] });
    let decoded = from_object(object.as_object().expect("an object"));
    assert!(decoded.fields.len() <= FIELDS_MAX + 2);
    assert!(
        decoded
            .fields
            .iter()
            .all(|field| field.key.len() <= KEY_BYTES_MAX)
    );
}
