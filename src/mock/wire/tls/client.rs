//! The client's side of TLS: what a command that calls another server trusts, as a rustls configuration.
//!
//! [`Trust`] says it: the authorities of a file, the fingerprint of a certificate, or else those of the system;
//! [`Trust::config`] is what `tokio_rustls::TlsConnector` takes, and [`server_name`] the host in its terms.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::{pem, provider, sha256};
use crate::error::Error;

/// What a client trusts, and what it shows of itself. By default it trusts the system's authorities and shows nothing.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    authorities: Vec<CertificateDer<'static>>,
    fingerprint: Option<[u8; 32]>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    is_blind: bool,
}

impl Trust {
    /// Trusts what the certificates of a PEM file have signed, or a server that has one of them itself.
    ///
    /// # Errors
    /// [`Error::is_surroundings`] if it cannot be read; [`Error::is_invalid_input`] if no certificate stands there.
    pub(crate) fn ca(mut self, file: &Path) -> Result<Trust, Error> {
        self.authorities.extend(pem::certificates(file)?);
        Ok(self)
    }

    /// Trusts a server that shows a certificate of that SHA-256 fingerprint, and was signed by it or is it itself. As in
    /// Elastic's clients the host's name does not count then. Together with a file, only the certificate of that
    /// fingerprint counts.
    pub(crate) fn fingerprint(mut self, fingerprint: Fingerprint) -> Trust {
        self.fingerprint = Some(fingerprint.0);
        self
    }

    /// Shows a certificate, from PEM files with its chain and with its key.
    ///
    /// # Errors
    /// As [`Trust::ca`].
    pub(crate) fn identity(mut self, certificate: &Path, key: &Path) -> Result<Trust, Error> {
        self.identity = Some((pem::certificates(certificate)?, pem::key(key)?));
        Ok(self)
    }

    /// Trusts any server: for calls that say and ask nothing that matters.
    pub(crate) fn blind(mut self) -> Trust {
        self.is_blind = true;
        self
    }

    /// Whether something was said of whom to trust.
    pub(crate) fn is_said(&self) -> bool {
        !self.authorities.is_empty() || self.fingerprint.is_some()
    }

    /// The configuration for connections.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if a certificate cannot be used; [`Error::is_surroundings`] if the system has no
    /// authorities.
    pub(crate) fn config(self) -> Result<Arc<ClientConfig>, Error> {
        let cannot = |error: rustls::Error| Error::invalid_input(format!("cannot speak TLS: {error}"));
        let provider = provider();
        let trusts = if self.is_blind {
            Trusts::Anybody
        } else {
            match (self.authorities, self.fingerprint) {
                (authorities, None) if authorities.is_empty() => Trusts::system(&provider)?,
                (authorities, Some(fingerprint)) if authorities.is_empty() => Trusts::Fingerprint(fingerprint),
                (mut authorities, fingerprint) => {
                    authorities.retain(|one| fingerprint.is_none_or(|fingerprint| sha256(one) == fingerprint));
                    if authorities.is_empty() {
                        let what = "none of the certificates that are to be trusted has that fingerprint";
                        return Err(Error::invalid_input(what));
                    }
                    Trusts::Authorities(signed_by(&authorities, &provider).map_err(cannot)?, authorities)
                }
            }
        };
        let verifier = Arc::new(Verifier { trusts, provider: provider.clone() });
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(cannot)?.dangerous().with_custom_certificate_verifier(verifier);
        let config = match self.identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(cannot)?,
            None => builder.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }
}

/// A host by name or address, without brackets and port, as TLS knows it.
///
/// # Errors
/// [`Error::is_invalid_input`] if it is none.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    let host = host.trim_matches(['[', ']']);
    ServerName::try_from(host.to_owned())
        .map_err(|_| Error::invalid_input(format!("`{host}` is no name of a host that TLS knows")))
}

/// The SHA-256 fingerprint of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl std::str::FromStr for Fingerprint {
    type Err = Error;

    /// Reads 64 hexadecimal digits, with or without colons between, as Elasticsearch and `openssl` print them.
    fn from_str(text: &str) -> Result<Fingerprint, Error> {
        let digits = text.rsplit('=').next().unwrap_or_default().replace([':', ' '], "");
        let byte = |at: usize| u8::from_str_radix(digits.get(at * 2..at * 2 + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        let is_hex = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.filter(|_| is_hex).and_then(|bytes| bytes.try_into().ok()).map(Fingerprint).ok_or_else(|| {
            Error::invalid_input(
                "a SHA-256 fingerprint has 64 hexadecimal digits, with or without colons; `openssl x509 -noout \
                 -fingerprint -sha256 -in CA` prints it",
            )
        })
    }
}

/// Whom a client trusts.
enum Trusts {
    /// Whatever these have signed, and servers that have one of them.
    Authorities(Arc<WebPkiServerVerifier>, Vec<CertificateDer<'static>>),
    /// Whatever a certificate of that fingerprint has signed.
    Fingerprint([u8; 32]),
    Anybody,
}

impl Trusts {
    fn system(provider: &Arc<CryptoProvider>) -> Result<Trusts, Error> {
        // What cannot be read of them is of no use, and the rest may do.
        let found = rustls_native_certs::load_native_certs();
        signed_by(&found.certs, provider).map(|verifier| Trusts::Authorities(verifier, Vec::new())).map_err(|_| {
            let why = found.errors.first().map_or_else(|| "none was found".to_owned(), ToString::to_string);
            Error::surroundings(
                "the system's certificate authorities cannot be read; say by --ca or --ca-fingerprint whom to trust",
                std::io::Error::other(why),
            )
        })
    }
}

/// Checks that one of those has signed a certificate. Those that are not understood are left out, if others are.
fn signed_by(
    authorities: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().cloned());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))
}

/// Asks of a server's certificate what its client trusts.
struct Verifier {
    trusts: Trusts,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.trusts {
            Trusts::Anybody => Ok(ServerCertVerified::assertion()),
            // A certificate that has signed itself is its own authority.
            Trusts::Authorities(_, authorities) if authorities.contains(own) => {
                verify_server_name(&ParsedCertificate::try_from(own)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            Trusts::Authorities(verifier, _) => verifier.verify_server_cert(own, others, name, ocsp, now),
            Trusts::Fingerprint(fingerprint) if sha256(own) == *fingerprint => Ok(ServerCertVerified::assertion()),
            Trusts::Fingerprint(fingerprint) => {
                let Some(authority) = others.iter().find(|other| sha256(other) == *fingerprint) else {
                    let what = "the server shows no certificate of that fingerprint";
                    return Err(rustls::Error::General(what.to_owned()));
                };
                let verifier = signed_by(&[authority.clone().into_owned()], &self.provider)?;
                match verifier.verify_server_cert(own, others, name, ocsp, now) {
                    Err(rustls::Error::InvalidCertificate(
                        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                    )) => Ok(ServerCertVerified::assertion()),
                    verified => verified,
                }
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, own, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, own, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_they_are_printed() {
        let plain = "ab".repeat(32);
        let expected: Fingerprint = plain.parse().expect("digits");
        let colons = vec!["AB"; 32].join(":");
        for text in [colons.clone(), format!("sha256 Fingerprint={colons}"), plain.to_uppercase()] {
            assert_eq!(text.parse::<Fingerprint>().ok(), Some(expected), "{text}");
        }
        for text in ["", "ab", &plain[1..], &format!("{plain}ab"), &"+a".repeat(32), &"zz".repeat(32), &"é".repeat(32)]
        {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}
