//! What the Zalo channel must not forget: a refresh token can be used once, so the next one is on the disk before it is needed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) access_token: String,
    pub(super) refresh_token: String,
    /// Wall time, ns.
    pub(super) expires: i64,
    /// Local day and what was sent in it.
    pub(super) day: i64,
    pub(super) sent: u32,
    /// The service said that the quota of that day is used up.
    pub(super) used_up: bool,
}

pub(super) struct Tokens {
    path: PathBuf,
    pub(super) kept: Kept,
}

impl Tokens {
    pub(super) fn open(path: &Path, first_refresh: &str) -> Result<Self, String> {
        let kept = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| format!("{}: {error}", path.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept {
                refresh_token: first_refresh.to_owned(),
                ..Kept::default()
            },
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        Ok(Self {
            path: path.to_owned(),
            kept,
        })
    }

    pub(super) fn store(&self) -> Result<(), String> {
        let bytes = serde_json::to_vec(&self.kept).map_err(|error| error.to_string())?;
        store(&self.path, &bytes)
    }
}

/// Temporary name, sync, rename; readable by the owner alone.
pub(super) fn store(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let temporary = path.with_extension("tmp");
    let write = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error| format!("writing {}: {error}", path.display()))
}
