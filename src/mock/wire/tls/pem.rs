//! Certificates and keys in PEM files.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::base64;
use crate::error::Error;
use crate::limits::PEM_BYTES_MAX;

/// The certificates of a file, at least one.
///
/// # Errors
/// [`Error::is_surroundings`] if it cannot be read; [`Error::is_invalid_input`] if there is none.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = read(file)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(wrong(file, "no certificate stands there; it begins with -----BEGIN CERTIFICATE-----")),
        Err(error) => Err(wrong(file, &error.to_string())),
    }
}

/// The key of a file.
///
/// # Errors
/// [`Error::is_surroundings`] if it cannot be read; [`Error::is_invalid_input`] if there is none, or none without a
/// password.
pub(crate) fn key(file: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let text = read(file)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        let is_locked = text.windows(9).any(|bytes| bytes.eq_ignore_ascii_case(b"ENCRYPTED"));
        let cure = match is_locked {
            true => "the key has a password; take it off with `openssl pkey -in KEY -out PLAIN`",
            false => "no key stands there; it begins with -----BEGIN PRIVATE KEY-----",
        };
        wrong(file, cure)
    })
}

/// Adds the authorities of a file to those that are trusted.
///
/// # Errors
/// As [`certificates`].
pub(crate) fn add_to(roots: &mut RootCertStore, file: &Path) -> Result<(), Error> {
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| wrong(file, &error.to_string()))?;
    }
    Ok(())
}

/// A certificate as PEM.
pub(crate) fn written(certificate: &[u8]) -> String {
    let text = base64::encode(certificate);
    let lines = text.as_bytes().chunks(64).map(|line| format!("{}\n", String::from_utf8_lossy(line)));
    format!("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", lines.collect::<String>())
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    use std::io::Read;
    let cannot = |error| Error::cannot_read(file, error);
    let mut text = Vec::new();
    std::fs::File::open(file).and_then(|file| file.take(PEM_BYTES_MAX + 1).read_to_end(&mut text)).map_err(cannot)?;
    match text.len() as u64 > PEM_BYTES_MAX {
        true => Err(wrong(file, &format!("it has more than {PEM_BYTES_MAX} bytes"))),
        false => Ok(text),
    }
}

fn wrong(file: &Path, what: &str) -> Error {
    Error::invalid_input(format!("{}: {what}", file.display()))
}
