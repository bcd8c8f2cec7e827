//! The files of an encrypted connection. Read once, at the start: a mistake in them is found then.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, RootCertStore};

use super::config::ClientConfig;

/// The error names the key and what to do.
pub(crate) fn load(config: &ClientConfig) -> Result<Arc<rustls::ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    for authority in certificates("ca_file", &config.ca_file)? {
        roots
            .add(authority)
            .map_err(|error| format!("ca_file: {}: {error}", config.ca_file.display()))?;
    }
    // Given by hand: no provider is installed for the whole process, which may hold several.
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots);
    if config.cert_file.as_os_str().is_empty() {
        return Ok(Arc::new(builder.with_no_client_auth()));
    }
    let chain = certificates("cert_file", &config.cert_file)?;
    let key = PrivateKeyDer::from_pem_file(&config.key_file)
        .map_err(|error| format!("key_file: {}: {error}", config.key_file.display()))?;
    builder
        .with_client_auth_cert(chain, key)
        .map(Arc::new)
        .map_err(|error| format!("cert_file and key_file do not fit together: {error}"))
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let told = |error: &dyn std::fmt::Display| format!("{key}: {}: {error}", path.display());
    let list = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| told(&error))?;
    if list.is_empty() {
        return Err(told(&"holds no PEM certificate"));
    }
    Ok(list)
}
