//! The installation's secret for keyed hashes of what was redacted: whoever has the key can tell whether a given content
//! was among it; nobody without it can, however few contents there may be (identity numbers can be tried out one by one).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use journal::Storage;
use sha2::{Digest, Sha256};

const FILE: &str = "redaction.key";
const KEY_BYTES: usize = 32;
/// Block of SHA-256.
const BLOCK_BYTES: usize = 64;
/// For the owner alone.
const MODE: u32 = 0o600;

pub(super) struct Key([u8; KEY_BYTES]);

impl Key {
    /// The key of this data folder; made at the first start.
    pub(super) fn load(data_dir: &Path, storage: &dyn Storage) -> Result<Self> {
        let path = data_dir.join(FILE);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::random(storage).context("cannot find randomness for a key")?;
                key.store(data_dir)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                return Ok(key);
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot open {}", path.display()));
            }
        };
        let mut bytes = Vec::with_capacity(KEY_BYTES);
        let what = || format!("cannot read {}", path.display());
        if file.metadata().with_context(what)?.permissions().mode() & 0o077 != 0 {
            tracing::warn!(file = %path.display(), "others could read the key of the redactions; its mode is put right");
            file.set_permissions(fs::Permissions::from_mode(MODE))
                .with_context(what)?;
        }
        let limit = KEY_BYTES as u64 + 1;
        Read::by_ref(&mut file)
            .take(limit)
            .read_to_end(&mut bytes)
            .with_context(what)?;
        match bytes.try_into() {
            Ok(key) => Ok(Self(key)),
            Err(_) => bail!(
                "{} is not a key of {KEY_BYTES} bytes: put the right one back, or remove it (a new one is made; hashes of \
                 before can then not be compared any more)",
                path.display()
            ),
        }
    }

    #[cfg(test)]
    pub(super) fn of(key: [u8; KEY_BYTES]) -> Self {
        Self(key)
    }

    fn random(storage: &dyn Storage) -> io::Result<Self> {
        let mut key = [0; KEY_BYTES];
        let (left, right) = key.split_at_mut(KEY_BYTES / 2);
        left.copy_from_slice(&storage.random()?);
        right.copy_from_slice(&storage.random()?);
        Ok(Self(key))
    }

    /// Under its name when it is whole, and durable.
    fn store(&self, data_dir: &Path) -> io::Result<()> {
        let temporary = data_dir.join(format!("{FILE}.tmp"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(MODE)
            .open(&temporary)?;
        file.set_permissions(fs::Permissions::from_mode(MODE))?;
        file.write_all(&self.0)?;
        file.sync_all()?;
        fs::rename(&temporary, data_dir.join(FILE))?;
        File::open(data_dir)?.sync_all()
    }

    /// HMAC-SHA256 (RFC 2104).
    pub(super) fn hash(&self, content: &[u8]) -> [u8; 32] {
        hmac(&self.0, content)
    }
}

/// `key` is at most a block long.
fn hmac(key: &[u8], content: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; BLOCK_BYTES];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(content)
        .finalize();
    Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::DiskStorage;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Test cases 1 and 2 of RFC 4231.
    #[test]
    fn the_hash_is_the_standard_one() {
        assert_eq!(
            hex(&hmac(&[0x0b; 20], b"Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_key_is_made_once_and_is_for_its_owner_alone() {
        let dir = std::env::temp_dir().join(format!("ioc-key-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let other = dir.join("other");
        fs::create_dir_all(&other).unwrap();
        let storage = DiskStorage::new(&dir);
        let key = Key::load(&dir, &storage).unwrap();
        let path = dir.join(FILE);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, MODE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let again = Key::load(&dir, &storage).unwrap();
        assert_eq!(key.0, again.0);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, MODE);
        let other = Key::load(&other, &DiskStorage::new(&other)).unwrap();
        assert_ne!(key.0, other.0);
        fs::write(&path, [1; 31]).unwrap();
        assert!(Key::load(&dir, &storage).is_err());
        fs::remove_dir_all(&dir).unwrap();
    }
}
