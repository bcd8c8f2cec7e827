//! The site pack: read from a folder (or the copy of `lao-cai` built into the binary), bounded, checked as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alert::RuleSet;
use alert::health::Positions;
use anyhow::{Context, Result, bail};
use event::{PackError, PackFiles};
use normalize::Catalogue;
use rust_embed::RustEmbed;

mod display;

pub(crate) use display::Display;

/// Bounds of a pack: it travels as one journal record.
const FILES_MAX: usize = 1_000;
const BYTES_MAX: u64 = 8 << 20;
const DEPTH_MAX: usize = 4;

/// The first site ships inside the binary, so that `ioc demo` needs no files.
#[derive(RustEmbed)]
#[folder = "../../deploy/sites/lao-cai"]
struct LaoCai;

/// A pack that was found good.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) rules: Arc<RuleSet>,
    /// What is computed over time.
    pub(crate) derive: Arc<derive::Rules>,
    pub(crate) display: Display,
    /// Who looks at what.
    pub(crate) positions: Positions,
}

impl Site {
    /// Everything wrong with the pack, or the pack ready for use.
    pub(crate) fn load(files: &PackFiles) -> Result<Self, Vec<PackError>> {
        let catalogue = Catalogue::load(files)?;
        let rules = RuleSet::load(files, catalogue.vocabulary());
        let display = Display::load(files, catalogue.vocabulary());
        let derive = derive::Rules::load(files, catalogue.vocabulary());
        let positions = Positions::load(files);
        match (rules, derive, display, positions) {
            (Ok(rules), Ok(derive), Ok(display), Ok(positions)) => Ok(Self {
                catalogue: Arc::new(catalogue),
                rules: Arc::new(rules),
                derive: Arc::new(derive),
                display,
                positions,
            }),
            (rules, derive, display, positions) => Err(rules
                .err()
                .into_iter()
                .chain(derive.err())
                .chain(display.err())
                .chain(positions.err())
                .flatten()
                .collect()),
        }
    }
}

/// Where `node.site` points: a folder, or the name of a built-in pack.
pub(crate) fn read(site: &str) -> Result<PackFiles> {
    let folder = PathBuf::from(site);
    if folder.is_dir() {
        return read_folder(&folder);
    }
    if site == "lao-cai" {
        return Ok(built_in());
    }
    bail!(
        "site pack {site:?} is neither a folder nor the built-in \"lao-cai\": set node.site to the folder of a site pack"
    )
}

/// Where the cases of the rules lie. They are not part of the pack: what is in force does not depend on them.
const CASES: &str = "rules/cases/";

/// The cases beside the rules, by path.
pub(crate) fn cases(site: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = PathBuf::from(site);
    let files = if folder.is_dir() {
        read_all(&folder)?
    } else {
        LaoCai::iter()
            .filter_map(|path| Some((path.to_string(), LaoCai::get(&path)?.data.into_owned())))
            .collect()
    };
    let of_cases =
        |(path, _): &(String, Vec<u8>)| path.starts_with(CASES) && path.ends_with(".toml");
    Ok(files.into_iter().filter(of_cases).collect())
}

fn built_in() -> PackFiles {
    let mut pack = PackFiles::default();
    for path in LaoCai::iter() {
        if let Some(file) = LaoCai::get(&path)
            && is_pack_file(Path::new(path.as_ref()))
            && !path.starts_with(CASES)
        {
            pack.files.insert(path.into_owned(), file.data.into_owned());
        }
    }
    pack
}

fn read_folder(folder: &Path) -> Result<PackFiles> {
    let mut files = read_all(folder)?;
    files.retain(|path, _| !path.starts_with(CASES));
    if files.is_empty() {
        bail!(
            "{} holds no site pack: no .toml, .csv or .json file in it",
            folder.display()
        );
    }
    Ok(PackFiles { files })
}

fn read_all(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut bytes = 0;
    let mut pending = vec![(folder.to_path_buf(), 0)];
    while let Some((at, depth)) = pending.pop() {
        let entries = fs::read_dir(&at)
            .with_context(|| format!("cannot read the site pack folder {}", at.display()))?;
        for entry in entries {
            let path = entry
                .with_context(|| format!("cannot read {}", at.display()))?
                .path();
            if path.is_dir() {
                if depth + 1 >= DEPTH_MAX {
                    bail!(
                        "{}: a site pack has at most {DEPTH_MAX} levels of folders",
                        path.display()
                    );
                }
                pending.push((path, depth + 1));
                continue;
            }
            if !is_pack_file(&path) {
                continue;
            }
            bytes += fs::metadata(&path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .len();
            if bytes > BYTES_MAX || files.len() >= FILES_MAX {
                bail!(
                    "{}: a site pack has at most {FILES_MAX} files and {BYTES_MAX} bytes",
                    folder.display()
                );
            }
            let content =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            files.insert(relative(folder, &path), content);
        }
    }
    Ok(files)
}

fn is_pack_file(path: &Path) -> bool {
    path.extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(|ending| matches!(ending, "toml" | "csv" | "json" | "geojson" | "rhai"))
}

fn relative(folder: &Path, path: &Path) -> String {
    let inner = path.strip_prefix(folder).unwrap_or(path);
    inner
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}
